/** What a plan makes of the variables and secrets that there are. */

import { expect, test } from "vitest";
import { planOf, type Wanted } from "./plan.ts";
import { parseImage } from "./secretsFile.ts";
import type { AccountState, DeployedWorker } from "./state.ts";

const address = "https://nasturtium.acme.workers.dev";
const stateOf = (worker: Partial<DeployedWorker>): AccountState => ({
  subdomain: "acme",
  database: { id: "d1", name: "nasturtium" },
  bucket: { exists: true, name: "nasturtium" },
  appliedMigrations: [],
  worker: {
    vars: {},
    secrets: [],
    databaseId: "d1",
    bucket: "nasturtium",
    crons: [],
    workersDev: true,
    ...worker,
  },
});
const wanted = (vars: Record<string, string> = {}): Wanted => ({
  name: "nasturtium",
  migrations: [],
  build: "b1",
  crons: [],
  defaultVars: {},
  vars,
  secrets: [],
  newAdminToken: false,
});

test("an address that is taken away gives way to the one of workers.dev, and the next plan agrees", () => {
  const own = stateOf({ vars: { NASTURTIUM_URL: "https://nas.example" } });
  expect(planOf(own, wanted()).url).toBe("https://nas.example");
  const { vars, url } = planOf(own, wanted({ NASTURTIUM_URL: "" }));
  expect([vars.NASTURTIUM_URL, url]).toEqual([address, address]);
  const next = planOf(stateOf({ vars }), wanted());
  expect(next.steps.find(({ name }) => name === "NASTURTIUM_URL")?.state).toBe("exists");
});

test("what a Worker has as a secret is given to it as no variable", () => {
  const { vars } = planOf(stateOf({ secrets: ["NASTURTIUM_URL"] }), wanted());
  expect(vars).not.toHaveProperty("NASTURTIUM_URL");
});

test("an image is named by its digest, before a search waits for a machine in vain", () => {
  const pinned = `ghcr.io/acme/runner@sha256:${"a".repeat(64)}`;
  expect(parseImage(pinned)).toBe(pinned);
  for (const text of ["ghcr.io/acme/runner:1", "ghcr.io/acme/runner@sha256:0", ""])
    expect(() => parseImage(text)).toThrow("by its digest");
});
