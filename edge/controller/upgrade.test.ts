import { expect, test } from "vitest";
import { specificationSchema } from "../../shared/specification.ts";
import { startSearch } from "./controller.ts";
import { stateVersion } from "./state.ts";
import { parseState } from "./upgrade.ts";

const state = startSearch(specificationSchema.parse({ name: "s" }), "search");

test("a state is read as it was written", () => {
  expect(parseState(JSON.stringify(state))).toEqual(state);
});

test("a state of version 2, from before steps were counted, has no stage with counts", () => {
  const { stageTrainings: _, ...old } = state;
  expect(parseState(JSON.stringify({ ...old, version: 2 }))).toEqual(state);
});

test("a state of version 2 keeps the counts that it has", () => {
  const stageTrainings = [{ stage: 0, trainedSteps: { normal: [{ skip: 3 }] } }];
  expect(parseState(JSON.stringify({ ...state, stageTrainings, version: 2 }))).toEqual({
    ...state,
    stageTrainings,
  });
});

test("a state of a newer version is refused, and the version to deploy is told", () => {
  const newer = JSON.stringify({ ...state, version: stateVersion + 1 });
  expect(() => parseState(newer)).toThrow(
    `its state has version ${stateVersion + 1}, this deployment reads up to ${stateVersion}`,
  );
});
