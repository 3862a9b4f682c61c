/** The form of a specification, in groups of fields. What has no field is set in the text. */

import { recipes } from "../../../shared/recipes.ts";
import { strategyNames } from "../../../shared/specification.ts";
import { CheckField } from "../../ui/fields.tsx";
import { At, Group, NumberAt, ProblemAt, SelectAt, TextAt } from "./bound.tsx";
import { type Choices, presetOptions, spaceOptions, useColumns } from "./choices.ts";
import { defaults } from "./defaults.ts";
import { isMapping, type Path } from "./draft.ts";
import { type Form, idOf, isByTraining, isTabular, listAt, textAt } from "./form.ts";

export interface SectionProps {
  form: Form;
  choices: Choices;
}

const option = (value: string, title = value) => ({ value, title });

const Seed = ({ form }: { form: Form }) => (
  <NumberAt
    form={form}
    path={["seed"]}
    label="Seed"
    usual={defaults.seed}
    hint="The same seed, the same choices"
  />
);

export const Basics = ({ form }: { form: Form }) => (
  <section class="card new-group" aria-label="About it">
    <h2>About it</h2>
    <div class="new-fields wide-first">
      <TextAt form={form} path={["name"]} label="Name" placeholder="as it is shown in lists" />
      <SelectAt
        form={form}
        path={["visibility"]}
        label="Who may look"
        usual={defaults.visibility}
        options={[option("private", "who has a token"), option("public", "everybody who has the address")]}
      />
    </div>
  </section>
);

/** A search by training, or one that looks architectures up. */
export function DataAndSpace({ form, choices }: SectionProps) {
  const space = form.at(["space"]);
  const isWrittenOut = isMapping(space);
  const changeKind = (kind: string) => {
    const network = form.at(["evaluation", "network"]);
    form.edit(
      ["evaluation"],
      kind === "tabular"
        ? { kind, table: "", architecture: "", reward: "" }
        : { kind, ...(network === undefined ? {} : { network }) },
    );
  };
  return (
    <Group title="Data and space" path={["dataset"]} form={form}>
      <div class="new-fields">
        <SelectAt
          form={{ ...form, edit: (_, kind) => changeKind(String(kind)) }}
          path={["evaluation", "kind"]}
          label="Architectures are"
          usual="supernet"
          options={[
            option("supernet", "trained together, with shared weights"),
            option("training", "trained one by one"),
            option("tabular", "looked up"),
          ]}
        />
        {!isTabular(form) && (
          <SelectAt
            form={form}
            path={["dataset", "name"]}
            label="Data set"
            usual={defaults.dataset.name}
            options={choices.datasets}
            wide
            hint="Your own: nasturtium data push DIR"
          />
        )}
        {isWrittenOut ? (
          <At path={["space"]} class="wide">
            <p class="new-fact">
              <b>Space</b> written out in the text
            </p>
            <ProblemAt form={form} path={["space"]} />
          </At>
        ) : (
          <SelectAt form={form} path={["space"]} label="Space" usual="tnd-nas" options={spaceOptions} wide />
        )}
        <SelectAt
          form={form}
          path={["strategy", "name"]}
          label="Strategy"
          usual={defaults.strategy.name}
          options={strategyNames.map((name) => option(name))}
        />
        {isTabular(form) && <Seed form={form} />}
      </div>
      {isTabular(form) && <TableFields form={form} choices={choices} />}
    </Group>
  );
}

function TableFields({ form, choices }: SectionProps) {
  const columns = useColumns(textAt(form, ["evaluation", "table"]));
  const at = (...keys: string[]): Path => ["evaluation", ...keys];
  const costs = listAt(form, ["objectives"]).flatMap((objective) => {
    const id = idOf(objective);
    return id === "accuracy" || id === "" ? [] : [id];
  });
  return (
    <div class="new-fields">
      <SelectAt
        form={form}
        path={at("table")}
        label="Table"
        usual=""
        options={[option("", "choose one"), ...choices.tables]}
        hint="Push one: nasturtium data push TABLE.csv"
      />
      <TextAt form={form} path={at("architecture")} label="Column of architectures" suggestions={columns} />
      <TextAt form={form} path={at("reward")} label="Column of accuracy" suggestions={columns} />
      {costs.map((id) => (
        <TextAt key={id} form={form} path={at("costs", id)} label={`Column of ${id}`} suggestions={columns} />
      ))}
    </div>
  );
}

export function NetworkAndSchedule({ form }: { form: Form }) {
  if (isTabular(form)) return null;
  const network = (key: string): Path => ["evaluation", "network", key];
  const hasStages = isMapping(form.at(["schedule"])) && form.at(["schedule", "preset"]) === undefined;
  return (
    <Group
      title={isByTraining(form) ? "Network and trainings" : "Network and schedule"}
      path={["evaluation"]}
      form={form}
      hint="The network that is counted and measured, and how long is searched."
    >
      <ProblemAt form={form} path={["evaluation", "network"]} />
      <div class="new-fields">
        {isByTraining(form) ? (
          <Candidates form={form} />
        ) : hasStages ? (
          <At path={["schedule"]} class="wide">
            <p class="new-fact">
              <b>Schedule</b> written out in the text
            </p>
            <ProblemAt form={form} path={["schedule"]} />
          </At>
        ) : (
          <SelectAt
            form={form}
            path={["schedule", "preset"]}
            label="Schedule"
            usual="demo-10"
            options={presetOptions}
            wide
          />
        )}
        <SelectAt
          form={form}
          path={network("stem")}
          label="Stem"
          usual="cifar"
          options={[option("cifar", "for small images"), option("imagenet", "for large images")]}
        />
        <NumberAt form={form} path={network("layers")} label="Layers (cells)" usual={20} min={1} />
        <NumberAt form={form} path={network("channels")} label="Channels" usual={36} min={1} />
        <Seed form={form} />
      </div>
    </Group>
  );
}

/** How many are trained; how long, the rungs, is set in the text. */
const Candidates = ({ form }: { form: Form }) => (
  <>
    <NumberAt
      form={form}
      path={["evaluation", "architectures"]}
      label="Architectures"
      usual={32}
      min={2}
      hint="Trained shortly; about half of them go on to each longer rung"
    />
    <NumberAt form={form} path={["evaluation", "parallel"]} label="In training at once" min={1} />
    <ProblemAt form={form} path={["evaluation", "rungs"]} />
    <ProblemAt form={form} path={["schedule"]} />
  </>
);

export const Budget = ({ form }: { form: Form }) => (
  <Group title="Budget" path={["budget"]} form={form} hint="It ends early where one of them is used up.">
    <div class="new-fields">
      <NumberAt form={form} path={["budget", "usd"]} label="US dollars" min={0} />
      <NumberAt form={form} path={["budget", "gpuHours"]} label="Hours of runners" min={0} />
      <NumberAt form={form} path={["budget", "wallClockHours"]} label="Hours by the clock" min={0} />
      {(isTabular(form) || isByTraining(form)) && (
        <NumberAt
          form={form}
          path={["budget", "evaluations"]}
          label={isTabular(form) ? "Architectures looked up" : "Trainings"}
          min={1}
        />
      )}
    </div>
  </Group>
);

/** Without a size of its own it is that of the network above. */
function usualOf(form: Form, key: "layers" | "channels"): { usual: number } {
  const told = form.at(["evaluation", "network", key]);
  return { usual: typeof told === "number" ? told : { layers: 20, channels: 36 }[key] };
}

export function FinalTraining({ form }: { form: Form }) {
  if (isTabular(form)) return null;
  const at = (key: string): Path => ["finalTraining", key];
  const preset = textAt(form, at("preset")) || defaults.finalTraining.preset;
  const recipe = Object.hasOwn(recipes, preset) ? recipes[preset as keyof typeof recipes] : undefined;
  const top = form.at(at("top"));
  return (
    <Group
      title="Final training"
      path={["finalTraining"]}
      form={form}
      hint="The best of the front are trained from scratch, tested and exported."
    >
      <CheckField
        label="Train when the search is over"
        checked={top !== 0}
        onValue={(trains) => form.edit(at("top"), trains ? undefined : 0)}
      />
      {top !== 0 && (
        <div class="new-fields">
          <SelectAt
            form={form}
            path={at("preset")}
            label="Recipe"
            usual={defaults.finalTraining.preset}
            options={Object.entries(recipes).map(([name, { epochs }]) =>
              option(name, `${name}: ${epochs} ${epochs === 1 ? "epoch" : "epochs"}`),
            )}
          />
          <NumberAt
            form={form}
            path={at("top")}
            label="Architectures"
            usual={defaults.finalTraining.top}
            min={0}
          />
          <NumberAt
            form={form}
            path={at("epochs")}
            label="Epochs"
            min={0}
            {...(recipe && { usual: recipe.epochs })}
          />
          <NumberAt
            form={form}
            path={at("layers")}
            label="Layers (cells)"
            min={1}
            {...usualOf(form, "layers")}
          />
          <NumberAt
            form={form}
            path={at("channels")}
            label="Channels"
            min={1}
            {...usualOf(form, "channels")}
          />
        </div>
      )}
    </Group>
  );
}
