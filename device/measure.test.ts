import { describe, expect, test } from "vitest";
import { type MeasuringSettings, measuredSchema } from "../shared/measuring.ts";
import { Random } from "../shared/random.ts";
import type { DeviceBackend, WholeDevice } from "./backend.ts";
import { clockStepMs, measureSubject, ourObjectives } from "./measure.ts";
import { smallNetwork } from "./subjects.testing.ts";

const settings: MeasuringSettings = { batchSize: 1, width: 0.02, limitSeconds: 10 };

interface Simulated {
  /** Of each run, in order. */
  runMs: (run: number) => number;
  /** Of the clock. */
  stepMs?: number;
  idleWatts?: number;
  busyWatts?: number;
  bytes?: number | null;
  loads?: () => void;
}

/** A device whose time passes only as it works, so that what it measures is known. */
function simulate({ runMs, stepMs = 0.001, idleWatts = 5, busyWatts = 20, bytes = 1000, loads }: Simulated) {
  let timeMs = 0;
  let millijoules = 0;
  const state = { runs: 0, disposed: 0 };
  const pass = (ms: number, watts: number) => {
    timeMs += ms;
    millijoules += ms * watts;
  };
  const device: DeviceBackend = {
    facts: { name: "wasm", versions: {}, threads: 1 },
    fingerprint: { platform: "", processor: "", cores: 1, gpu: null, runtime: "" },
    objectives: ourObjectives(["latency", "energy", "memory"]),
    energy: { name: "simulated", readMillijoules: async () => millijoules },
    clock: {
      name: "simulated",
      nowMs: () => {
        timeMs += 1e-4; // reading takes time, too
        return Math.floor(timeMs / stepMs) * stepMs;
      },
    },
    conditions: async () => ({ temperatureCelsius: null, isThrottled: null }),
    async load() {
      loads?.();
      return {
        async run() {
          pass(runMs(state.runs++), busyWatts);
        },
        peakBytes: async () => bytes,
        dispose: () => void state.disposed++,
      };
    },
  };
  const wait = async (ms: number) => pass(ms, idleWatts);
  const measure = (objectives: string[], change: Partial<MeasuringSettings> = {}) =>
    measureSubject(device, smallNetwork, objectives, { ...settings, ...change }, { wait });
  /** Beside another network, which takes `factor` times what this one does at the same moment. */
  const measureBeside = async (factor: number, nominalMs: number) => {
    const loaded = {
      run: async () => pass(factor * runMs(state.runs++), busyWatts),
      peakBytes: async () => null,
      dispose() {},
    };
    const reference = { loaded, nominalMs };
    return measureSubject(device, smallNetwork, ["latency"], settings, { wait, reference });
  };
  return { state, measure, measureBeside, nowMs: () => timeMs };
}

const noisy = (seed: number, ms: number, deviation: number) => {
  const random = new Random(seed);
  return () => ms * Math.exp(deviation * random.normal());
};

describe("latency", () => {
  test("is sampled until the interval is as narrow as wanted, and no longer", async () => {
    for (const deviation of [0.01, 0.05, 0.2]) {
      const { measure } = simulate({ runMs: noisy(3, 4, deviation) });
      const { latency } = (await measure(["latency"], { limitSeconds: 600 })).values;
      expect(latency).toMatchObject(measuredSchema.parse(latency));
      const { median = 0, low = 0, high = 0, samples = 0 } = latency ?? {};
      expect((high - low) / median).toBeLessThanOrEqual(0.02);
      expect(Math.abs(median / 4 - 1)).toBeLessThan(0.02);
      if (deviation === 0.2) expect(samples).toBeGreaterThan(1000);
      else if (deviation === 0.01) expect(samples).toBe(30);
    }
  });

  test("holds the true median nearly always, although sampling stops when the interval is narrow", async () => {
    let held = 0;
    const trials = 200;
    for (let seed = 0; seed < trials; seed++) {
      const { measure } = simulate({ runMs: noisy(seed, 4, 0.06) });
      const { low = 0, high = 0 } = (await measure(["latency"])).values.latency ?? {};
      if (low <= 4 && 4 <= high) held++;
    }
    expect(held / trials).toBeGreaterThan(0.92);
  });

  test("beside a reference is told as at its nominal speed, however the device's speed drifts", async () => {
    const random = new Random(11);
    let speed = 1;
    // From one moment to the next by a little, over a measurement by half.
    const drifting = () => {
      speed = Math.min(1.6, Math.max(0.8, speed * Math.exp(0.03 * random.normal())));
      return 4 * speed * Math.exp(0.01 * random.normal());
    };
    for (let trial = 0; trial < 20; trial++) {
      const { measureBeside } = simulate({ runMs: drifting });
      // The reference takes 2 ms where this takes 4.
      const { latency } = (await measureBeside(0.5, 2)).values;
      expect(Math.abs((latency?.median ?? 0) / 4 - 1)).toBeLessThan(0.02);
    }
  });

  test("ends at the limit where times never agree", async () => {
    const { measure, nowMs } = simulate({ runMs: noisy(5, 20, 0.8) });
    const { latency } = (await measure(["latency"], { limitSeconds: 2 })).values;
    expect(latency?.samples).toBeGreaterThan(10);
    expect(nowMs()).toBeLessThan(2200);
  });

  test("has a value even where one run takes longer than the limit", async () => {
    const { measure } = simulate({ runMs: () => 3000 });
    const { values } = await measure(["latency"], { limitSeconds: 1 });
    expect(values.latency?.median).toBeCloseTo(3000, 0);
  });

  test("is without what the first runs take until times settle", async () => {
    const { measure } = simulate({ runMs: (run) => (run < 12 ? 500 / (run + 1) : 10) });
    const { latency } = (await measure(["latency"])).values;
    expect(latency?.median).toBeCloseTo(10, 1);
    expect(latency?.outliers).toBe(0);
  });

  test("is timed in groups where the clock's steps are long, so that these stay below 1 %", async () => {
    const { measure, state } = simulate({ runMs: () => 0.0373, stepMs: 1 });
    const { latency } = (await measure(["latency"])).values;
    expect(Math.abs((latency?.median ?? 0) / 0.0373 - 1)).toBeLessThan(0.01);
    expect(state.runs / (latency?.samples ?? 1)).toBeGreaterThan(100 / 0.0373);
  });

  test("leaves out what is far slower than the rest, and counts it", async () => {
    const even = noisy(7, 10, 0.01);
    const { measure } = simulate({ runMs: (run) => even() * (run % 25 === 24 ? 8 : 1) });
    const { latency } = (await measure(["latency"])).values;
    expect(latency?.outliers).toBeGreaterThan(0);
    expect(latency?.high).toBeLessThan(11);
  });
});

test("the step of a clock is found", () => {
  let reading = 0;
  expect(clockStepMs(() => Math.floor(reading++ / 10) * 0.1)).toBeCloseTo(0.1, 6);
  expect(clockStepMs(() => 7)).toBe(1);
});

describe("energy", () => {
  test("is what a batch takes beyond the idle device, of six windows of a second", async () => {
    const { measure, state } = simulate({ runMs: () => 25, idleWatts: 5, busyWatts: 17 });
    const { values, failure } = await measure(["energy"]);
    expect(failure).toBeUndefined();
    expect(values.energy?.samples).toBe(6);
    expect(values.energy?.median).toBeCloseTo(25 * (17 - 5), 0);
    expect(state.runs).toBeGreaterThanOrEqual(6 * 40);
  });

  test("is null with a reason where the device takes no more than idle", async () => {
    const { measure } = simulate({ runMs: () => 25, idleWatts: 20, busyWatts: 20 });
    const { values, failure } = await measure(["latency", "energy"]);
    expect(values.energy).toBeNull();
    expect(values.latency).not.toBeNull();
    expect(failure).toMatch(/^energy: .*idle/);
  });
});

describe("a value that cannot be had", () => {
  test("is null with the reason, whatever it is", async () => {
    for (const bytes of [null, 0, -4, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { values, failure } = await simulate({ runMs: () => 5, bytes }).measure(["memory"]);
      expect([values.memory, bytes]).toEqual([null, bytes]);
      expect(failure).toMatch(/^memory: /);
    }
    const { values } = await simulate({ runMs: () => 5, bytes: 4096 }).measure(["memory"]);
    expect(values.memory).toEqual({ median: 4096, low: 4096, high: 4096, samples: 1, outliers: 0 });
  });

  test("does not keep a subject loaded, nor one that fails to load from having a result", async () => {
    const failing = simulate({
      runMs: () => {
        throw new Error("out of memory");
      },
    });
    expect(await failing.measure(["latency"])).toEqual({
      key: "small",
      values: { latency: null },
      failure: "out of memory",
    });
    expect(failing.state.disposed).toBe(1);
    const unloadable = simulate({
      runMs: () => 1,
      loads: () => {
        throw new Error("no such kernel");
      },
    });
    expect(await unloadable.measure(["latency", "colour"])).toEqual({
      key: "small",
      values: { latency: null, colour: null },
      failure: "colour: this device does not measure it; no such kernel",
    });
  });

  test("of a whole device is null, too, and only what is wanted is asked for", async () => {
    const asked: string[][] = [];
    const device: WholeDevice = {
      facts: { name: "endpoint", versions: {}, threads: 1 },
      fingerprint: { platform: "", processor: "", cores: 1, gpu: null, runtime: "" },
      objectives: [
        { name: "latency", unit: "ms" },
        { name: "score", unit: "points" },
      ],
      conditions: async () => ({ temperatureCelsius: null, isThrottled: null }),
      async measure(_subject, names) {
        asked.push([...names]);
        const value = (median: number) => ({ median, low: median, high: median, samples: 1 });
        return { latency: value(0), score: value(-3) };
      },
    };
    const result = await measureSubject(device, smallNetwork, ["latency", "score", "energy"], settings);
    expect(asked).toEqual([["latency", "score"]]);
    expect(result.values).toMatchObject({ latency: null, energy: null, score: { median: -3 } });
    expect(result.failure).toMatch(/energy: .*latency: 0 ms is not above 0/);
  });
});

test("a stop ends a measurement at once and lets go of the network", async () => {
  const stop = new AbortController();
  const { state, ...device } = simulateReal(() => stop.abort(new Error("enough")));
  await expect(
    measureSubject(
      device.device,
      smallNetwork,
      ["latency"],
      { ...settings, width: 1e-9 },
      { signal: stop.signal },
    ),
  ).rejects.toThrow("enough");
  expect(state.disposed).toBe(1);
});

function simulateReal(onTenth: () => void) {
  const state = { runs: 0, disposed: 0 };
  let timeMs = 0;
  const device: DeviceBackend = {
    facts: { name: "wasm", versions: {}, threads: 1 },
    fingerprint: { platform: "", processor: "", cores: 1, gpu: null, runtime: "" },
    objectives: ourObjectives(["latency"]),
    energy: null,
    clock: { name: "simulated", nowMs: () => (timeMs += 1e-4) },
    conditions: async () => ({ temperatureCelsius: null, isThrottled: null }),
    load: async () => ({
      async run() {
        timeMs += 30;
        if (++state.runs === 10) onTenth();
      },
      peakBytes: async () => null,
      dispose: () => void state.disposed++,
    }),
  };
  return { device, state };
}
