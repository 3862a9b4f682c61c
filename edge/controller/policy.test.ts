import { describe, expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { scheduleSchema } from "../../shared/schedule.ts";
import { softmax } from "../../shared/softmax.ts";
import { initialPolicy, sampleSelection, updatePolicy } from "./policy.ts";

const options = scheduleSchema.parse({ stages: [{ layers: 3, channels: 4, steps: 1, drop: {} }] }).policy;
const choices = {
  normal: [
    ["a", "b", "c"],
    ["a", "b"],
  ],
  reduction: [["x", "y"]],
};

describe("the policy update", () => {
  test("equals REINFORCE with baseline, clipping, weight decay and Adam computed by numerical differentiation", () => {
    let policy = initialPolicy(choices, 0.5, 7);
    const random = new Random(3);
    const flat = (logits: Record<string, number[][]>) => Object.values(logits).flat(2);
    const unflat = (values: number[]) => {
      let index = 0;
      return Object.fromEntries(
        Object.entries(choices).map(([kind, edges]) => [
          kind,
          edges.map((ops) => ops.map(() => values[index++] as number)),
        ]),
      );
    };
    let theta = flat(policy.logits);
    let m = theta.map(() => 0);
    let v = theta.map(() => 0);
    let baseline: number | null = null;
    for (let t = 1; t <= 5; t++) {
      const rewarded = Array.from({ length: 6 }, () => ({
        selection: sampleSelection(policy, choices, random),
        reward: 100 * random.uniform(),
      }));
      const mean = rewarded.reduce((sum, { reward }) => sum + reward, 0) / rewarded.length;
      const b: number = baseline === null ? mean : baseline + 0.95 * (mean - baseline);
      baseline = b;
      const loss = (values: number[]) => {
        const logits = unflat(values);
        return (
          rewarded.reduce((sum, { selection, reward }) => {
            let logP = 0;
            for (const [kind, edges] of Object.entries(choices))
              edges.forEach((ops, edge) => {
                logP += Math.log(
                  softmax(logits[kind]?.[edge] ?? [])[ops.indexOf(selection[kind]?.[edge] ?? "")] as number,
                );
              });
            return sum + (reward - b) * -logP;
          }, 0) / rewarded.length
        );
      };
      const h = 1e-5;
      let g = theta.map((_, i) => {
        const moved = (step: number) => theta.map((value, j) => (i === j ? value + step : value));
        return (loss(moved(h)) - loss(moved(-h))) / (2 * h);
      });
      const norm = Math.hypot(...g);
      g = g.map((value, i) => value * Math.min(1, 5 / (norm + 1e-6)) + 1e-3 * (theta[i] as number));
      m = m.map((value, i) => 0.5 * value + 0.5 * (g[i] as number));
      v = v.map((value, i) => 0.999 * value + 0.001 * (g[i] as number) ** 2);
      theta = theta.map(
        (value, i) =>
          value -
          (6e-3 * ((m[i] as number) / (1 - 0.5 ** t))) /
            (Math.sqrt((v[i] as number) / (1 - 0.999 ** t)) + 1e-8),
      );
      policy = updatePolicy(policy, choices, rewarded, options);
      for (const [index, value] of flat(policy.logits).entries())
        expect(value).toBeCloseTo(theta[index] as number, 6);
    }
    expect(policy.baseline).toBeCloseTo(baseline as unknown as number, 9);
  });

  test("without a reward nothing moves", () => {
    const policy = initialPolicy(choices, 1e-3, 1);
    expect(updatePolicy(policy, choices, [], options)).toBe(policy);
  });

  test("learns the better operation of every edge", () => {
    let policy = initialPolicy(choices, 1e-3, 1);
    const random = new Random(9);
    for (let round = 0; round < 600; round++) {
      const rewarded = Array.from({ length: 10 }, () => {
        const selection = sampleSelection(policy, choices, random);
        const good =
          Number(selection.normal?.[0] === "b") +
          Number(selection.normal?.[1] === "a") +
          Number(selection.reduction?.[0] === "y");
        return { selection, reward: 50 + 10 * good };
      });
      policy = updatePolicy(policy, choices, rewarded, options);
    }
    const likely = Array.from({ length: 20 }, () => sampleSelection(policy, choices, random));
    const best = likely.filter(({ normal, reduction }) => `${normal},${reduction}` === "b,a,y");
    expect(best.length).toBeGreaterThan(15);
  });
});
