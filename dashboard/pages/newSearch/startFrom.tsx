/** Beginnings: a template, with values for its placeholders, or a search that was. */

import { useEffect, useRef, useState } from "preact/hooks";
import { fill, placeholdersOf, type Template, type Values } from "../../../shared/template.ts";
import { api, read, readAll } from "../../app/api.ts";
import { lineOf } from "../../app/problem.ts";
import { useData } from "../../app/useData.ts";
import { Button } from "../../ui/controls.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";
import { toast } from "../../ui/toasts.tsx";
import { firstSpecification, withoutDefaults } from "./defaults.ts";
import { isMapping, type Value } from "./draft.ts";

interface StartFromProps {
  /** `template:NAME` or `search:ID`, as the address has it. */
  asked: string | null;
  onStart(value: Value, what: string): void;
}

const mostSearches = 50;
const longestName = 120;

export function StartFrom({ asked, onStart }: StartFromProps) {
  const [chosen, setChosen] = useState("");
  const [open, setOpen] = useState<Template | null>(null);
  const templates = useData("templates", (signal) =>
    readAll((query) => api.templates.$get({ query: { ...query, limit: 200 } }, { init: { signal } })),
  );
  const searches = useData("searches to begin from", (signal) =>
    read(api.searches.$get({ query: { limit: mostSearches } }, { init: { signal } })),
  );
  const isHere = useRef(true);
  useEffect(
    () => () => {
      isHere.current = false;
    },
    [],
  );
  const begin = async (from: string) => {
    const [kind = "", name = ""] = from.split(/:(.*)/s);
    setChosen(from);
    setOpen(null);
    try {
      if (kind === "search") {
        const value = await again(name);
        if (isHere.current) onStart(value, `search ${name}`);
      } else if (kind === "template") {
        const template = await read(api.templates[":name"].$get({ param: { name } }));
        if (!isHere.current) return;
        if (placeholdersOf(template).length > 0) setOpen(template);
        else startTemplate(template, {}, onStart);
      } else if (kind === "empty") onStart(firstSpecification, "an example");
    } catch (error) {
      toast(lineOf(error), "bad");
    }
  };
  useEffect(() => {
    if (asked !== null) void begin(asked);
  }, [asked]);
  const options = [
    { value: "", title: "what is below" },
    { value: "empty:", title: "A small example" },
    ...(templates.value ?? [])
      .filter(({ specification }) => specification !== undefined)
      .map(({ name, description }) => ({
        value: `template:${name}`,
        title: `Template ${name}${description && `: ${description}`}`,
      })),
    ...(searches.value?.data ?? []).map(({ id, name }) => ({
      value: `search:${id}`,
      title: `Again, changed: ${name}`,
    })),
  ];
  const isListed = options.some(({ value }) => value === chosen);
  return (
    <section class="card new-group" aria-label="Beginnings">
      <SelectField
        label="Begin with"
        hint="It takes the place of what is below."
        value={isListed ? chosen : ""}
        options={options}
        onValue={(from) => void begin(from)}
      />
      {open !== null && (
        <Placeholders
          key={open.name}
          template={open}
          onFill={(values) => startTemplate(open, values, onStart)}
        />
      )}
    </section>
  );
}

async function again(id: string): Promise<Value> {
  const { specification } = await read(api.searches[":id"].$get({ param: { id } }));
  const value = withoutDefaults(specification);
  return { ...value, name: `${specification.name} again`.slice(0, longestName) };
}

function startTemplate(template: Template, values: Values, onStart: StartFromProps["onStart"]): void {
  const filled = fill(template, values);
  if ("input" in filled && isMapping(filled.input)) onStart(filled.input, `template ${template.name}`);
}

interface PlaceholdersProps {
  template: Template;
  onFill(values: Values): void;
}

/** What looks like a number or yes or no is one. */
function valueOfText(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function Placeholders({ template, onFill }: PlaceholdersProps) {
  const names = placeholdersOf(template);
  const [values, setValues] = useState<Record<string, string>>({});
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onFill(Object.fromEntries(names.map((name) => [name, valueOfText(values[name] ?? "")])));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <p>{`The template ${template.name} has values left open.`}</p>
      <div class="new-fields">
        {names.map((name) => (
          <TextField
            key={name}
            label={name}
            required
            value={values[name] ?? ""}
            onValue={(text) => setValues({ ...values, [name]: text })}
          />
        ))}
      </div>
      <div class="buttons">
        <button type="submit" class="button">
          Fill in
        </button>
        <Button tone="quiet" onClick={() => onFill(Object.fromEntries(names.map((name) => [name, ""])))}>
          Leave them empty
        </Button>
      </div>
    </form>
  );
}
