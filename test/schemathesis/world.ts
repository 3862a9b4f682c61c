/** Something of each kind on an edge, so that requests that ask for it come far. */

import { createSearch, Runner, runnerToken, type Site, searchOf, userOf } from "../../bench/edge/site.ts";
import { readFront } from "../../cli/api.ts";

const rounds = 3;

/** Their ids and names, as the variables that schemathesis.toml reads. */
export async function makeWorld(site: Site): Promise<Record<string, string>> {
  const user = userOf(site);
  const { v1 } = user;
  const specification = { ...searchOf("seen by anyone", rounds), visibility: "public" as const };
  const search = await createSearch(site, specification);
  const running = await createSearch(site, searchOf("running", rounds));
  const runner = await Runner.register(site, await runnerToken(site), 1);
  for (let lease = await runner.lease(search); lease !== null; )
    lease = (await runner.report(lease.task.taskId, runner.reportOf(lease))).next;
  const lease = await runner.lease(running);
  const hash = (await readFront(user, search))[0]?.hash ?? "";
  const param = { id: search };
  const training = await user.json(v1.searches[":id"].trainings.$post({ param, json: { hash } }), ["id"]);
  const grid = { name: "seeds", search: searchOf("of a campaign", rounds), grid: { seeds: [1, 2] } };
  const campaign = await user.json(v1.campaigns.$post({ json: grid }), ["id"]);
  const template = "nightly";
  await v1.templates.$post({ json: { name: template, specification: { ...searchOf(template, rounds) } } });
  const asked = { name: "by hand", template, source: "signed" } as const;
  const trigger = await user.json(v1.triggers.$post({ json: asked }), ["id"]);
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
