/** Makes a template of a specification or campaign in YAML or JSON, begun from a search where one likes. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { ApiProblem } from "../../app/problem.ts";
import { AreaField, SelectField, TextField } from "../../ui/fields.tsx";
import { Form } from "./form.tsx";
import { SearchField, useSearches } from "./searchField.tsx";

const example = `name: "{{ ref }} {{ commit }}"
dataset: { name: cifar10 }
schedule: { preset: demo-10 }
budget: { gpuHours: 2 }
finalTraining: { preset: demo, steps: 1500 }
`;

const kinds = [
  { value: "specification", title: "a search" },
  { value: "campaign", title: "a campaign" },
] as const;
type Kind = (typeof kinds)[number]["value"];

interface TemplateFormProps {
  onMade(name: string): void;
  onCancel(): void;
}

export function TemplateForm({ onMade, onCancel }: TemplateFormProps) {
  const searches = useSearches();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [kind, setKind] = useState<Kind>("specification");
  const [from, setFrom] = useState("");
  const [text, setText] = useState(example);
  const begin = async (id: string) => {
    setFrom(id);
    const search = searches.find((one) => one.id === id);
    if (search === undefined) return;
    const { stringify } = await import("yaml");
    setText(stringify({ ...search.specification, name: "{{ name }}" }, { flowCollectionPadding: true }));
  };
  const submit = async () => {
    const content = await parsed(text, `/${kind}`);
    const made = await read(api.templates.$post({ json: { name, description, [kind]: content } }));
    onMade(made.name);
  };
  return (
    <Form
      title="New template"
      verb="Store the template"
      shown={["/name", "/description"]}
      onSubmit={submit}
      onCancel={onCancel}
    >
      {(problemOf) => (
        <>
          <div class="setup-pair">
            <TextField
              label="Name"
              hint="Lower case, digits and hyphens."
              required
              placeholder="nightly"
              autocapitalize="none"
              problem={problemOf("/name")}
              value={name}
              onValue={setName}
            />
            <TextField
              label="What it is for"
              problem={problemOf("/description")}
              value={description}
              onValue={setDescription}
            />
          </div>
          <div class="setup-pair">
            <SelectField<Kind>
              label="It starts"
              options={kinds}
              value={kind}
              onValue={(value) => setKind(value)}
            />
            {kind === "specification" && (
              <SearchField
                label="Begin with what was searched"
                none="what is below"
                searches={searches}
                value={from}
                onValue={(id) => void begin(id)}
              />
            )}
          </div>
          <AreaField
            label={kind === "campaign" ? "Campaign" : "Specification"}
            hint="YAML or JSON. A placeholder is written {{ name }}, in quotes."
            required
            rows={12}
            value={text}
            onValue={setText}
          />
        </>
      )}
    </Form>
  );
}

/** What a text holds. @throws ApiProblem at this pointer where it is no YAML with named fields */
async function parsed(text: string, pointer: string): Promise<Record<string, unknown>> {
  const { parse } = await import("yaml");
  const refused = (detail: string) =>
    new ApiProblem({ status: 422, type: "validation", title: "", detail, errors: [{ pointer, detail }] });
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    const [line = ""] = error instanceof Error ? error.message.split("\n") : [];
    throw refused(`is no YAML: ${line}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refused("has no fields; write them as in the example");
  return value as Record<string, unknown>;
}
