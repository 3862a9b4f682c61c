/** What the search is after: one row an objective. */

import { cheapObjectives, runnerObjectives } from "../../../shared/objectives.ts";
import { Button } from "../../ui/controls.tsx";
import { unitOf } from "../../ui/format.ts";
import { announce } from "../../ui/toasts.tsx";
import { At, Group, NumberAt, ProblemAt, SelectAt, TextAt } from "./bound.tsx";
import type { Choices, Option } from "./choices.ts";
import { defaults } from "./defaults.ts";
import type { Path } from "./draft.ts";
import { type Form, idOf, isTabular, listAt, textAt } from "./form.ts";
import type { SectionProps } from "./sections.tsx";

const known = ["accuracy", ...cheapObjectives, ...runnerObjectives];

export function Objectives({ form, choices }: SectionProps) {
  const list = form.at(["objectives"]);
  const told = Array.isArray(list) ? listAt(form, ["objectives"]) : defaults.objectives;
  // Those that go without saying are written down with the first change of one.
  const explicit: Form = {
    ...form,
    at: (path) => form.at(path) ?? (Array.isArray(list) ? undefined : ofDefaults(path)),
    edit: (path, value) => {
      if (Array.isArray(list)) return form.edit(path, value);
      const [, index, key] = path;
      form.edit(
        ["objectives"],
        defaults.objectives.map((objective, at) => {
          if (at !== index) return objective;
          return key === undefined ? value : { ...objective, [key]: value };
        }),
      );
    },
  };
  const add = () => {
    const ids = told.map(idOf);
    const name = known.find((one) => !ids.includes(one)) ?? "latency";
    form.edit(["objectives"], [...told, { name, goal: name === "accuracy" ? "maximize" : "minimize" }]);
    announce(`Objective ${name} added.`);
  };
  return (
    <Group
      title="Objectives"
      path={["objectives"]}
      form={form}
      hint="A target steers the search; beyond a limit an architecture does not count."
    >
      <ol class="objectives">
        {told.map((objective, index) => (
          <li key={index}>
            <Objective form={explicit} choices={choices} index={index} of={told} objective={objective} />
          </li>
        ))}
      </ol>
      <div class="buttons">
        <Button onClick={add} disabled={told.length >= 8}>
          Add an objective
        </Button>
      </div>
    </Group>
  );
}

function ofDefaults(path: Path): unknown {
  const [first, index, key] = path;
  if (first !== "objectives") return undefined;
  const objective: Record<string, unknown> | undefined = defaults.objectives[Number(index)];
  return key === undefined ? objective : objective?.[key];
}

interface ObjectiveProps extends SectionProps {
  index: number;
  objective: unknown;
  of: readonly unknown[];
}

function Objective({ form, choices, index, objective, of }: ObjectiveProps) {
  const at = (key: string): Path => ["objectives", index, key];
  const name = textAt(form, at("name"));
  const id = idOf(objective) || `objective ${index + 1}`;
  const { unit } = unitOf(name);
  const measuresElsewhere = !known.includes(name) || name === "latency" || name === "energy";
  const rename = (_: Path, value: unknown) => {
    form.edit(["objectives", index], {
      name: value,
      goal: value === "accuracy" ? "maximize" : "minimize",
    });
  };
  const remove = () => {
    form.edit(
      ["objectives"],
      of.filter((_, other) => other !== index),
    );
    announce(`Objective ${id} removed.`);
  };
  return (
    <At path={["objectives", index]}>
      <fieldset class="objective">
        <legend class="visually-hidden">{`Objective ${id}`}</legend>
        {isTabular(form) ? (
          <TextAt form={form} path={at("name")} label="What" />
        ) : (
          <SelectAt
            form={{ ...form, edit: rename }}
            path={at("name")}
            label="What"
            usual="accuracy"
            options={nameOptions(choices)}
          />
        )}
        <SelectAt
          form={form}
          path={at("goal")}
          label="Goal"
          usual="minimize"
          options={[
            { value: "maximize", title: "maximize" },
            { value: "minimize", title: "minimize" },
          ]}
        />
        {measuresElsewhere && !isTabular(form) && (
          <SelectAt
            form={{ ...form, edit: (path, value) => form.edit(path, value === "" ? undefined : value) }}
            path={at("device")}
            label="Measured on"
            usual=""
            options={deviceOptions(choices, name)}
          />
        )}
        <NumberAt form={form} path={at("target")} label={unit ? `Target, ${unit}` : "Target"} min={0} />
        <NumberAt form={form} path={at("limit")} label={unit ? `Limit, ${unit}` : "Limit"} min={0} />
        <div class="objective-remove">
          <Button tone="quiet" onClick={remove} disabled={of.length <= 1} aria-label={`Remove ${id}`}>
            Remove
          </Button>
        </div>
        <ProblemAt form={form} path={["objectives", index]} />
      </fieldset>
    </At>
  );
}

function nameOptions({ devices }: Choices): Option[] {
  const own = devices.flatMap(({ objectives }) => objectives).filter((name) => !known.includes(name));
  return [...known, ...new Set(own)].map((value) => ({ value, title: unitOf(value).title }));
}

function deviceOptions({ devices }: Choices, name: string): Option[] {
  const able = devices.filter(({ objectives }) => objectives.includes(name));
  const byRunner = (known as readonly string[]).includes(name);
  return [
    { value: "", title: byRunner ? "the runner" : "choose a device" },
    ...able.map((device) => ({ value: device.name, title: device.name })),
  ];
}
