/** Something of each kind on an edge, so that requests that ask for it come far. */

import { z } from "zod";
import { createSearch, Runner, runnerToken, type Site, searchOf, userOf } from "../../bench/edge/site.ts";
import { searchPath } from "../../cli/api.ts";

const rounds = 3;
const withId = z.looseObject({ id: z.string() });

/** Their ids and names, as the variables that schemathesis.toml reads. */
export async function makeWorld(site: Site): Promise<Record<string, string>> {
  const user = userOf(site);
  const post = (path: string, body: unknown) => user.json(path, withId, { method: "POST", body });
  const specification = { ...searchOf("seen by anyone", rounds), visibility: "public" as const };
  const search = await createSearch(site, specification);
  const running = await createSearch(site, searchOf("running", rounds));
  const runner = await Runner.register(site, await runnerToken(site), 1);
  for (let lease = await runner.lease(search); lease !== null; )
    lease = (await runner.report(lease.task.taskId, runner.reportOf(lease))).next;
  const lease = await runner.lease(running);
  const front = z.looseObject({ data: z.array(z.looseObject({ hash: z.string() })) });
  const { data } = await user.json(searchPath(search, "/front"), front);
  const hash = data[0]?.hash ?? "";
  const training = await post(searchPath(search, "/trainings"), { hash });
  const grid = { name: "seeds", search: searchOf("of a campaign", rounds), grid: { seeds: [1, 2] } };
  const campaign = await post("/v1/campaigns", grid);
  const template = "nightly";
  await user.send("/v1/templates", {
    method: "POST",
    body: { name: template, specification: searchOf(template, rounds) },
  });
  const trigger = await post("/v1/triggers", { name: "by hand", template, source: "signed" });
  return {
    SEARCH: search,
    RUNNING: running,
    TASK: lease?.task.taskId ?? "",
    LEASE: lease?.leaseId ?? "",
    HASH: hash,
    TRAINING: training.id,
    CAMPAIGN: campaign.id,
    TEMPLATE: template,
    TRIGGER: trigger.id,
  };
}
