/**
 * 50 runners are killed with -9, each at another point of the same search, and each search is ended by another runner:
 * all must end bit-identical to the search that was not interrupted.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../shared/random.ts";
import { describePoint, KillingProxy, type KillPoint, type RequestKind } from "./killingProxy.ts";
import { isFinished, smallSearch, TestEdge } from "./wholeSearch.ts";

const POINTS = Number(process.env.NASTURTIUM_KILL_POINTS ?? 50);
/** Runners at the same time. */
const LANES = Number(process.env.NASTURTIUM_KILL_LANES ?? 2);
const LIMIT_MS = 3 * 3_600_000;
const LONGEST_ROUND_MS = 700;

/** Checkpoints as often as possible, or seldom, so that rounds have to be repeated. */
const often = 0;
const seldom = 1.5;
const checkpointSeconds = (index: number): number => (index % 2 === 0 ? often : seldom);
/** How often checkpoints come depends on the machine: where there are fewer, an earlier one is taken. */
const earlier = (point: KillPoint): KillPoint => ({ ...point, nth: Math.ceil(point.nth / 2) });

let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(() => edge?.stop());

type Share = [weight: number, kind: RequestKind, moment: KillPoint["moment"]];

/** How often each kind of point is chosen. */
const shares: Share[] = [
  [12, "report", "later"],
  [8, "report", "answered"],
  [4, "report", "before"],
  [10, "part", "body"],
  [2, "part", "answered"],
  [2, "complete", "before"],
  [3, "complete", "answered"],
  [2, "create", "answered"],
  [2, "lease", "answered"],
  [1, "register", "answered"],
];
/** Of 50, those that are asked to end and killed while they store their last checkpoint. */
const TERMINATED = 4;
/** Every so many, the runner that comes after is killed, too. */
const KILLED_TWICE = 6;

/** Points spread over the requests that an uninterrupted runner makes. */
function choosePoints(count: (kind: RequestKind) => number): KillPoint[] {
  const random = new Random("kill points");
  const all = shares.flatMap(([weight, kind, moment]) =>
    Array.from({ length: weight }, (_, index): KillPoint => {
      // After the last report nothing is left to kill.
      const most = Math.max(1, count(kind) - (moment === "later" ? 1 : 0));
      const nth = 1 + Math.min(most - 1, Math.floor(((index + random.uniform()) / weight) * most));
      return {
        kind,
        moment,
        nth,
        ...(moment === "later" ? { afterMs: random.integer(LONGEST_ROUND_MS) } : {}),
      };
    }),
  );
  for (let index = 0; index < TERMINATED; index++) {
    const terminateAfterReport =
      1 + Math.floor(((index + random.uniform()) / TERMINATED) * (count("report") - 2));
    all.push({ kind: "part", nth: 1, moment: "body", terminateAfterReport });
  }
  return random.shuffle(all).slice(0, POINTS);
}

/** Runs until the point; where the search ends before, the point was never reached. */
async function killAt(searchId: string, point: KillPoint, checkpoints: number): Promise<boolean> {
  const proxy = new KillingProxy(edge.edge.url);
  const runner = edge.startRunner(searchId, { edge: await proxy.listen(), checkpointSeconds: checkpoints });
  proxy.arm(point, { kill: (signal) => runner.process.kill(signal) });
  const ended = new AbortController();
  const finished = edge.until(searchId, runner, (search) => isFinished(search) || ended.signal.aborted);
  const outcome = await Promise.race([
    proxy.killed.then(() => true),
    finished.then(() => false),
    runner.exited.then(() => false),
  ]);
  ended.abort();
  await finished.catch(() => {});
  if (outcome) await runner.exited;
  else await runner.stop();
  await proxy.close();
  return outcome;
}

/** `work` on every item, `LANES` at a time. */
async function inLanes<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.map((item, index) => ({ item, index }));
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await work(next.item, next.index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Where two outcomes part, with what each has there. */
function firstDifference(expected: object, found: object): string {
  const lines = (value: object) => JSON.stringify(value, null, 1).split("\n");
  const [left, right] = [lines(expected), lines(found)];
  const at = left.findIndex((line, index) => line !== right[index]);
  return at < 0 ? "the same" : `line ${at}: ${left.slice(at - 3, at + 1).join(" ")} / ${right[at]}`;
}

test(
  `${POINTS} runners killed anywhere in a search leave it bit-identical to one that was not interrupted`,
  async () => {
    const whole = await edge.create(smallSearch("whole"));
    const proxy = new KillingProxy(edge.edge.url);
    const first = edge.startRunner(whole, {
      edge: await proxy.listen(),
      checkpointSeconds: checkpointSeconds(0),
    });
    expect((await edge.until(whole, first, isFinished)).state).toBe("completed");
    await first.stop();
    await proxy.close();
    const expected = await edge.outcome(whole);
    expect(expected.trained[0]?.testAccuracy).toBeGreaterThan(0);

    const points = choosePoints((kind) => proxy.count(kind));
    const searches = await Promise.all(points.map((_, index) => edge.create(smallSearch(`killed ${index}`))));
    const idOf = (index: number) => searches[index] as string;

    await inLanes(points, async (point, index) => {
      const isOfCheckpoint = ["create", "part", "complete"].includes(point.kind);
      const seconds = isOfCheckpoint ? often : checkpointSeconds(index);
      let tried = point;
      while (!(await killAt(idOf(index), tried, seconds))) {
        if (tried.nth === 1) throw new Error(`Nothing was killed ${describePoint(tried)}.`);
        tried = earlier(tried);
        searches[index] = await edge.create(smallSearch(`killed ${index}`));
      }
      points[index] = tried;
    });
    // A lease outlives its runner by a minute and a half; meanwhile others are killed.
    const again = points.map((_, index) => index).filter((index) => index % KILLED_TWICE === 0);
    await inLanes(again, async (index) => {
      const kinds = ["replay", "report", "download"] as const;
      const kind = kinds[(index / KILLED_TWICE) % kinds.length] as RequestKind;
      const point: KillPoint = { kind, nth: 1, moment: "answered" };
      await killAt(idOf(index), point, checkpointSeconds(index + 1));
    });
    const different: string[] = [];
    await inLanes(points, async (_, index) => {
      const point = points[index] as KillPoint;
      const heir = edge.startRunner(idOf(index), { checkpointSeconds: checkpointSeconds(index) });
      const { state } = await edge.until(idOf(index), heir, isFinished);
      await heir.stop();
      const outcome = await edge.outcome(idOf(index));
      const isSame = state === "completed" && JSON.stringify(outcome) === JSON.stringify(expected);
      if (!isSame) different.push(`${describePoint(point)}: ${state}, ${firstDifference(expected, outcome)}`);
      process.stderr.write(
        `${index + 1}: ${describePoint(point)}: ${isSame ? "identical" : different.at(-1)}\n`,
      );
    });
    process.stderr.write(`${points.length - different.length} of ${points.length} identical\n`);
    expect(different).toEqual([]);
  },
  LIMIT_MS,
);
