/** A search that starts from scores without training: the real Worker, a real runner. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { readCandidates } from "../cli/api.ts";
import { currentTask, startSearch } from "../edge/controller/controller.ts";
import { codeOf, positionsOf, textOf } from "../shared/code.ts";
import { spaceOf } from "../shared/networkCosts.ts";
import { type SpecificationInput, specificationSchema } from "../shared/specification.ts";
import { isFinished, SEARCH_LIMIT_MS, smallSearch, TestEdge } from "./wholeSearch.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await TestEdge.start();
});

afterAll(() => edge?.stop());

test(
  "what is measured first are architectures that were scored without training",
  async () => {
    const specification: SpecificationInput = {
      ...smallSearch("scored"),
      strategy: { name: "nsga2" },
      evaluation: {
        kind: "supernet",
        network: { channels: 4, layers: 3 },
        untrained: { architectures: 8 },
      },
      finalTraining: { top: 0 },
    };
    const id = await edge.create(specification);
    const runner = edge.startRunner(id);
    expect((await edge.until(id, runner, isFinished)).state).toBe("completed");
    await runner.stop();

    const parsed = specificationSchema.parse(specification);
    const task = currentTask(startSearch(parsed, id));
    const scored = task?.kind === "score" ? task.codes : [];
    expect(scored).toHaveLength(8);
    const positions = positionsOf(spaceOf(parsed));
    const candidates = await readCandidates(edge.client, id);
    const firstRound = Math.min(...candidates.map(({ round }) => round));
    const first = candidates.filter(({ round }) => round === firstRound);
    expect(first).toHaveLength(3);
    for (const { selection } of first) expect(scored).toContain(textOf(codeOf(positions, selection)));
  },
  SEARCH_LIMIT_MS,
);
