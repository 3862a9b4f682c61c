import { expect, test } from "vitest";
import { asSvg } from "./echarts.ts";
import { areaAt, bandOf } from "./nearest.ts";
import { palettes } from "./palette.ts";
import { isWithin, type ObjectivesData, parallelObjectives } from "./parallelObjectives.ts";
import { heightOf, scaleOf, valueAt } from "./parallelScale.ts";
import { type HeatData, inkOn, policyHeat, rampColour } from "./policyHeat.ts";
import { type TimelineData, timeline } from "./timeline.ts";

const size = { width: 640, height: 360 };

const objectives: ObjectivesData = {
  axes: [
    { id: "accuracy", goal: "maximize", target: 85 },
    { id: "parameters", goal: "minimize", atMost: 3e6 },
    { id: "latency.phone-lab", goal: "minimize" },
  ],
  rows: [
    { hash: "good", values: [90, 2e6, 5], isFeasible: true, isOnFront: true },
    { hash: "unmeasured", values: [80, 1e6, null], isFeasible: true, isOnFront: false },
    { hash: "large", values: [95, 9e6, 9], isFeasible: false, isOnFront: false },
  ],
  marked: "good",
};

test("the better end of every axis is on top, and what was not measured lies below all that was", () => {
  const rising = scaleOf({ id: "accuracy", goal: "maximize" }, [10, 20, null]);
  const falling = scaleOf({ id: "latency", goal: "minimize" }, [10, 20, null]);
  expect(heightOf(rising, 20)).toBeGreaterThan(heightOf(rising, 10));
  expect(heightOf(falling, 10)).toBeGreaterThan(heightOf(falling, 20));
  for (const scale of [rising, falling]) {
    expect(heightOf(scale, null)).toBe(0);
    for (const value of [10, 20]) {
      expect(heightOf(scale, value)).toBeGreaterThan(0.1);
      expect(valueAt(scale, heightOf(scale, value))).toBeCloseTo(value, 9);
    }
  }
});

test("an axis of equal, of no and of huge values can be drawn", () => {
  const axis = { id: "parameters", goal: "minimize" } as const;
  for (const values of [[5, 5], [0], [], [null], [1e300, 2e300], [Number.NaN, 3]]) {
    const scale = scaleOf(axis, values);
    expect(scale.high).toBeGreaterThan(scale.low);
    expect(heightOf(scale, values[0])).toBeGreaterThanOrEqual(0);
  }
});

test("a filter keeps what is within its ends, and nothing that was not measured there", () => {
  const [accuracy, parameters, latency] = objectives.axes;
  if (!accuracy || !parameters || !latency) throw new Error("three axes are there");
  const kept = (axes: ObjectivesData["axes"]) =>
    objectives.rows.filter((row) => isWithin(axes, row)).map(({ hash }) => hash);
  expect(kept(objectives.axes)).toEqual(["good", "unmeasured"]);
  expect(kept([accuracy, { ...parameters, atMost: undefined }, { ...latency, atLeast: 0 }])).toEqual([
    "good",
    "large",
  ]);
});

test("objectives tell how many are filtered out and which lack a measurement", () => {
  const { summary, table, option } = parallelObjectives(objectives, palettes.light);
  expect(summary).toMatch(/1 on the front over 1 others.*1 are filtered out.*1 lack a measurement/);
  expect(table.rows).toEqual([
    ["good", "90 %", "2 M", "5 ms", "on the front"],
    ["unmeasured", "80 %", "1 M", null, "beaten"],
  ]);
  expect(asSvg({ option, summary, table }, size)).toContain("not measured");
});

test("of very many lines an even part is drawn, and all of the front", () => {
  const rows = Array.from({ length: 50_000 }, (_, index) => ({
    hash: `h${index}`,
    values: [index % 97, index, 1],
    isFeasible: true,
    isOnFront: index % 1000 === 0,
  }));
  const { option, summary } = parallelObjectives(
    { axes: objectives.axes.map(({ id, goal }) => ({ id, goal })), rows },
    palettes.dark,
  );
  const drawn = Object.fromEntries(
    (option.series as { id: string; data: unknown[] }[]).map(({ id, data }) => [id, data.length]),
  );
  expect(drawn).toMatchObject({ archive: 1500, front: 50 });
  expect(summary).toContain("evenly taken");
});

const heat: HeatData = {
  kind: "normal",
  edges: ["0 → 2", "1 → 2"],
  operations: ["sep_conv_3x3", "skip_connect", "none"],
  most: 0.7,
  when: "in round 4, stage 1",
  cells: [
    [
      { probability: 0.7, trainedSteps: 12 },
      { probability: 0.3 },
      { probability: null, reason: "evidence", stage: 0 },
    ],
    [{ probability: 0.4 }, { probability: 0.6 }, { probability: null, reason: "schedule", stage: 0 }],
  ],
};

test("a heat map tells every probability, and of what is pruned when and why", () => {
  const { table, summary, areas } = policyHeat(heat, palettes.light);
  expect(table.rows[0]).toEqual(["0 → 2", "sep conv 3×3", "70 %", null, 12]);
  expect(table.rows[2]?.[3]).toBe("pruned after stage 1: measured worse than the others of its edge");
  expect(table.rows[5]?.[3]).toBe("pruned after stage 1: least promising when the schedule took one");
  expect(summary).toContain("2 were pruned");
  expect(areas?.keys).toEqual(table.keys);
  expect(asSvg(policyHeat({ ...heat, marked: "0-1" }, palettes.dark), size)).toContain("sep 3×3");
});

test("figures on the darkest and on the lightest colour of each ramp can be read", () => {
  const luminance = (colour: string) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, index) => {
      const share = Number.parseInt(colour.slice(1 + 2 * index, 3 + 2 * index), 16) / 255;
      return sum + weight * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    }, 0);
  for (const { ramp } of Object.values(palettes))
    for (let share = 0; share <= 1; share += 0.05) {
      const fill = rampColour(ramp, share);
      const [a = 0, b = 0] = [luminance(fill), luminance(inkOn(fill))].sort((x, y) => y - x);
      expect([fill, (a + 0.05) / (b + 0.05) >= 4]).toEqual([fill, true]);
    }
});

const hour = 3_600_000;
const work: TimelineData = {
  beginMs: 0,
  endMs: 10 * hour,
  lanes: ["Search", "Faults"],
  bars: [
    { key: "run", lane: 0, kind: "work", fromMs: 0, toMs: 10 * hour, title: "running", words: "It ran." },
    { key: "moment", lane: 0, kind: "bad", fromMs: hour, toMs: hour, title: "", words: "A moment." },
  ],
  marks: [
    { key: "lost", lane: 1, kind: "fault", atMs: 2 * hour, title: "lost", words: "A runner was lost." },
  ],
};

test("a timeline counts in units that suit it, and lists what it draws by time", () => {
  const { option, table, summary } = timeline(work, palettes.light);
  expect((option.xAxis as { name: string }).name).toMatch(/^Hours since/);
  expect(table.rows.map((row) => row[3])).toEqual(["It ran.", "A moment.", "A runner was lost."]);
  expect(summary).toContain("1 fault");
  expect(asSvg(timeline(work, palettes.dark), size)).toContain("running");
  const short = { ...work, endMs: 20_000, bars: [], marks: [] };
  expect((timeline(short, palettes.light).option.xAxis as { name: string }).name).toMatch(/^Seconds since/);
});

test("a pointer finds the box that it is in, a thin one within a few pixels, the upper of two", () => {
  const axes = { x: { origin: 0, scale: 10 }, y: { origin: 100, scale: -10 } };
  const areas = {
    x: [0, 5, 2],
    toX: [4, 5, 3],
    y: [0, 0, 0],
    toY: [1, 1, 1],
    keys: ["wide", "thin", "upper"],
  };
  expect(areaAt(areas, axes, { x: 10, y: 95 })).toBe("wide");
  expect(areaAt(areas, axes, { x: 25, y: 95 })).toBe("upper");
  expect(areaAt(areas, axes, { x: 53, y: 95 })).toBe("thin");
  expect(areaAt(areas, axes, { x: 80, y: 95 })).toBeNull();
});

test("a drag means the nearest axis, from its lower to its upper end", () => {
  const bands = { count: 3, left: 100, right: 100, top: 50, bottom: 50 };
  const box = { width: 600, height: 300 };
  expect(bandOf(bands, box, { x: 290, y: 250, toX: 320, toY: 150 })).toEqual({ axis: 1, from: 0, to: 0.5 });
  expect(bandOf(bands, box, { x: 900, y: 0, toX: 900, toY: 999 })).toEqual({ axis: 2, from: 0, to: 1 });
});
