/** What the form shows where the specification says nothing, and specifications without what goes without saying. */

import "../../device/jitless.ts";
import { specificationSchema } from "../../../shared/specification.ts";
import { isMapping, type Value } from "./draft.ts";

export const defaults = specificationSchema.parse({ name: "default" });

/** Where somebody begins who has nothing: small, quick and complete. */
export const firstSpecification: Value = {
  name: "my first search",
  dataset: { name: "fashion-mnist" },
  space: "tnd-nas",
  evaluation: { kind: "supernet", network: { channels: 16, layers: 8 } },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", limit: 500_000 },
  ],
  schedule: { preset: "demo-10" },
  budget: { gpuHours: 2 },
  finalTraining: { preset: "demo" },
};

/** The shortest that means the same. */
export function withoutDefaults(specification: Value): Value {
  const short = shortened(specification, defaults) as Value;
  const named = { ...short, name: specification.name };
  return sameMeaning(named, specification) ? named : specification;
}

function sameMeaning(a: Value, b: Value): boolean {
  const [first, second] = [a, b].map((value) => specificationSchema.safeParse(value));
  return JSON.stringify(first?.data) === JSON.stringify(second?.data);
}

function shortened(value: Value, usual: Value): Value {
  const kept = Object.entries(value).flatMap(([key, own]): [string, unknown][] => {
    const known = Object.hasOwn(usual, key) ? usual[key] : undefined;
    if (JSON.stringify(own) === JSON.stringify(known)) return [];
    // What a mapping is of decides what else it may hold.
    if (isMapping(own) && isMapping(known) && own.kind === known.kind) {
      const inner = shortened(own, known);
      return [[key, "kind" in own ? { kind: own.kind, ...inner } : inner]];
    }
    return [[key, own]];
  });
  return Object.fromEntries(kept);
}
