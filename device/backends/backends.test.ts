import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { measuringVersion, registerDeviceSchema } from "../../shared/measuring.ts";
import { operations } from "../../shared/operations.ts";
import { measureSubject } from "../measure.ts";
import { briefly, operation, smallNetwork } from "../subjects.testing.ts";
import { type NodeBackendName, nodeBackendNames, nodeBackends } from "./index.ts";
import { openProgram } from "./program.ts";

const usable = nodeBackendNames.filter(
  (name) => name !== "tensorflow" || process.env.NASTURTIUM_BACKEND !== "wasm",
);
/** Of the small network, in 32 bits; counted by `nasturtium count`'s rules. */
const WEIGHT_BYTES = 4 * 4000;

describe.each(usable)("%s", (name: NodeBackendName) => {
  test("measures a network in all that it offers, and can be registered", async () => {
    const { facts, fingerprint, objectives, ...device } = await nodeBackends[name]({});
    registerDeviceSchema.parse({ name: "a", measuringVersion, backend: facts, fingerprint, objectives });
    const wanted = objectives.map((objective) => objective.name).filter((one) => one !== "energy");
    const whole = { ...device, facts, fingerprint, objectives };
    const { values, failure } = await measureSubject(whole, smallNetwork, wanted, briefly);
    expect(failure).toBeUndefined();
    expect(values.latency?.median).toBeGreaterThan(0.01);
    expect(values.latency?.samples).toBeGreaterThan(1);
    if (name === "onnxruntime") expect(wanted).not.toContain("memory");
    else expect(values.memory?.median).toBeGreaterThan(WEIGHT_BYTES);
  });

  test("runs every operation alone, at both strides, on a batch", async () => {
    const device = await nodeBackends[name]({});
    for (const one of Object.keys(operations)) {
      for (const stride of [1, 2] as const) {
        const loaded = await device.load(operation(one, stride), 2);
        await loaded.run();
        loaded.dispose();
      }
    }
  });
});

test("threads that a backend cannot have are refused", async () => {
  await expect(nodeBackends.wasm({ threads: 2 })).rejects.toThrow("one thread");
});

describe.skipIf(process.platform === "win32")("a program", () => {
  const cost = { name: "cost", unit: "cents" };
  const area = { name: "area", unit: "mm2" };

  async function run(command: string, { objectives = [cost], limitSeconds = 20 } = {}) {
    const device = openProgram({ command, objectives, limitSeconds });
    const names = objectives.map(({ name }) => name);
    return await measureSubject(device, smallNetwork, names, { ...briefly, batchSize: 3 });
  }

  test("gets the model as files and answers by its last line", async () => {
    const command = `echo hello; test -s {model} && test -s {tfjs}/weights.bin && echo $(wc -c < {model})`;
    const { values, failure } = await run(command);
    expect(failure).toBeUndefined();
    expect(values.cost?.median).toBeGreaterThan(WEIGHT_BYTES);
    expect(values.cost).toMatchObject({ low: values.cost?.median, samples: 1 });
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("nasturtium-device-"))).toEqual([]);
  });

  test("is told the rest in its environment, and no token", async () => {
    process.env.NASTURTIUM_TOKEN = "secret";
    try {
      const { values } = await run(
        `echo '{"cost": '"$NASTURTIUM_BATCH_SIZE"', "area": '"$(test -z "$NASTURTIUM_TOKEN" && echo 7.5)"'}'`,
        { objectives: [cost, area] },
      );
      expect(values).toMatchObject({ cost: { median: 3 }, area: { median: 7.5 } });
    } finally {
      delete process.env.NASTURTIUM_TOKEN;
    }
  });

  test.each([
    ["words", "echo fine", "not a number"],
    ["nothing", "true", "last line is nothing"],
    ["a negative number", "echo -3", "gave -3 for cost"],
    ["an infinite one", "echo 1e999", "null for cost"],
    ["a text for a number", `echo '{"cost": "3"}'`, 'gave "3" for cost'],
    ["something else", `echo '{"price": 3}'`, "cost: there is no value"],
    ["a failure", "echo broken >&2; exit 3", "ended with 3: broken"],
  ])("that gives %s has a failure with the reason", async (_, command, reason) => {
    const { values, failure } = await run(command);
    expect(values.cost).toBeNull();
    expect(failure).toContain(reason);
  });

  test("that takes too long is ended with all that it started", async () => {
    const { failure } = await run("sleep 60 & sleep 60; echo 1", { limitSeconds: 0.2 });
    expect(failure).toContain("longer than 0.2 s");
  });

  test("of two objectives may not answer with one number", async () => {
    expect((await run("echo 1", { objectives: [cost, area] })).failure).toContain(
      "one number for cost, area",
    );
  });
});
