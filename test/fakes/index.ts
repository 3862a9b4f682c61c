/** The fakes that there are: one row for each provider, and what it has no notion of. */

import type { ProviderName } from "../../shared/specification.ts";
import type { FakeCloud, ProviderFake } from "./cloud.ts";
import { digitaloceanFake } from "./digitalocean.ts";
import { kubernetesFake } from "./kubernetes.ts";
import { lambdaFake } from "./lambda.ts";
import { runpodFake } from "./runpod.ts";
import { vastFake } from "./vast.ts";

/** What a provider may have no notion of. */
export type Notion = "balance" | "billing" | "host" | "interruptible" | "market";

export interface FakeRow {
  name: ProviderName;
  make(cloud: FakeCloud): ProviderFake;
  /** By notion, why it lacks it. */
  lacks: Partial<Record<Notion, string>>;
}

export const fakes: readonly FakeRow[] = [
  {
    name: "runpod",
    make: runpodFake,
    lacks: {
      interruptible: "its API has no field for them",
      host: "it does not tell which machine a pod is on",
    },
  },
  { name: "vast", make: vastFake, lacks: { billing: "it does not tell by instance" } },
  {
    name: "lambda",
    make: lambdaFake,
    lacks: {
      interruptible: "it has none",
      host: "it does not tell which machine an instance is on",
      billing: "its API tells no bills",
    },
  },
  {
    name: "digitalocean",
    make: digitaloceanFake,
    lacks: {
      interruptible: "it has none",
      host: "it does not tell which machine a droplet is on",
      balance: "it bills afterwards, and has no word for it",
      billing: "it does not tell by droplet",
    },
  },
  {
    name: "kubernetes",
    make: kubernetesFake,
    lacks: {
      interruptible: "a cluster has no bids",
      host: "a Job does not tell which node its pod is on",
      billing: "a cluster does not bill",
      balance: "a cluster has no account",
      market: "its GPU and its price are what the environment says",
    },
  },
];

/** @throws RangeError where there is none */
export function fakeRowOf(name: string): FakeRow {
  const row = fakes.find((each) => each.name === name);
  if (row === undefined) throw new RangeError(`there is no fake of ${name}`);
  return row;
}
