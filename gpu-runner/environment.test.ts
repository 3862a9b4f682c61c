import { expect, it } from "vitest";
import { differences, type Environment } from "./environment.ts";

const environment: Environment = {
  backend: "tensorflow",
  versions: { tensorflow: "2.21.0", node: "24.1.0" },
  threads: 8,
  flags: { TF_ENABLE_ONEDNN_OPTS: "0" },
  processor: "A",
  gpu: null,
};

it("nothing differs where all that numbers depend on is as it was", () => {
  expect(differences(environment, structuredClone(environment))).toEqual([]);
});

it("each difference is named with what was and what is", () => {
  const now = {
    ...environment,
    versions: { ...environment.versions, tensorflow: "2.22.0" },
    threads: 4,
    flags: { TF_NUM_INTRAOP_THREADS: "4" },
    gpu: "NVIDIA H100",
  };
  expect(differences(environment, now).sort()).toEqual([
    "GPU was unset, is NVIDIA H100",
    "TF_ENABLE_ONEDNN_OPTS was 0, is unset",
    "TF_NUM_INTRAOP_THREADS was unset, is 4",
    "tensorflow was 2.21.0, is 2.22.0",
    "threads was 8, is 4",
  ]);
});

it("a checkpoint that does not tell what it was made with promises nothing", () => {
  expect(differences(undefined, environment)).toHaveLength(1);
});
