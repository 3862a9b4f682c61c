/** A search of 50,000 candidates, and what reading it takes. */

import { createSearch, quantiles, Runner, runnerToken, type Site, searchOf, userOf } from "./site.ts";

const rounds = 5000;
const reads = 20;
const logEvery = 500;

/** Has a runner report every round of it. */
export async function reportLarge(site: Site): Promise<{ id: string; candidates: number }> {
  const id = await createSearch(site, searchOf("large", rounds));
  const runner = await Runner.register(site, await runnerToken(site), 1);
  let reported = 0;
  for (let lease = await runner.lease(id); lease !== null; reported++) {
    if (reported % logEvery === 0) site.log(`round ${reported} of ${rounds}`);
    lease = (await runner.report(lease.task.taskId, runner.reportOf(lease))).next;
  }
  return { id, candidates: reported * 10 };
}

export async function largeSearch(site: Site) {
  const { id, candidates } = await reportLarge(site);
  const user = userOf(site);
  const addresses = {
    search: "",
    front: "/front",
    policy: "/policy",
    candidates: "/candidates",
    rounds: "/rounds",
  };
  const answers: Record<string, { milliseconds: ReturnType<typeof quantiles>; bytes: number }> = {};
  for (const [name, rest] of Object.entries({ list: undefined, ...addresses })) {
    const address = rest === undefined ? "/v1/searches" : `/v1/searches/${id}${rest}`;
    const milliseconds: number[] = [];
    let bytes = 0;
    for (let read = 0; read < reads; read++) {
      const sentAt = performance.now();
      bytes = (await (await user.send(address)).arrayBuffer()).byteLength;
      milliseconds.push(performance.now() - sentAt);
    }
    answers[name] = { milliseconds: quantiles(milliseconds), bytes };
  }
  return { candidates, answers };
}
