/** A RunPod for pages about money: its fake behind a real HTTP server, and a Worker that rents from it. */

import { runSchedule } from "../../../cli/localEdge.ts";
import type { SpecificationInput } from "../../../shared/specification.ts";
import { FakeCloud } from "../../fakes/cloud.ts";
import { runpodFake } from "../../fakes/runpod.ts";
import { type ServedFake, serveFake } from "../../fakes/serve.ts";
import { smallSearch } from "../../wholeSearch.ts";
import { startWorld, type World } from "./world.ts";

export const priceUsdPerHour = 0.4;

export interface RentalWorld extends World {
  cloud: FakeCloud;
  runpod: ServedFake;
  /** One minute of the Worker's schedule. */
  minute(): Promise<void>;
}

export async function startRentalWorld(capacity: number): Promise<RentalWorld> {
  const cloud = new FakeCloud({
    now: () => Date.now(),
    offers: [
      {
        id: "secure-1",
        gpu: "RTX 4090",
        gpuMemoryGb: 24,
        priceUsdPerHour,
        host: "h",
        location: "EU",
        capacity,
      },
      {
        id: "secure-2",
        gpu: "H100",
        gpuMemoryGb: 80,
        priceUsdPerHour: 2.5,
        host: "h2",
        location: "US",
        capacity,
      },
    ],
    bootSeconds: 0,
    key: "key-of-runpod",
  });
  const runpod = await serveFake(runpodFake(cloud));
  const world = await startWorld({
    isEmpty: true,
    vars: {
      ...runpod.env,
      NASTURTIUM_IMAGE: `registry.test/runner@sha256:${"0".repeat(64)}`,
      NASTURTIUM_USD_PER_MONTH: "50",
      NASTURTIUM_INSTANCES: "4",
    },
  });
  return {
    ...world,
    cloud,
    runpod,
    minute: () => runSchedule(world.edge.edge.url),
    stop: async () => {
      await world.stop();
      await runpod.close();
    },
  };
}

export const rentingSearch = (name: string): SpecificationInput => ({
  ...smallSearch(name),
  budget: { usd: 2 },
  rental: { providers: ["runpod"], gpus: ["RTX 4090"], maxUsdPerHour: 0.5 },
});
