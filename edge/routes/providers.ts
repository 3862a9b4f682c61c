/** Providers of machines and their live quotes. */

import { createRoute, z } from "@hono/zod-openapi";
import { type ProviderName, providerNames } from "../../shared/specification.ts";
import { failure, json, newApp } from "../app.ts";
import { requires } from "../auth.ts";
import { Problem } from "../problems.ts";
import { ProviderError } from "../providers/provider.ts";
import { setUp } from "../rentals/setUp.ts";
import { realPlatform } from "../webhooks/deliver.ts";

const common = {
  tags: ["Rentals"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
};

const offerSchema = z
  .object({
    gpu: z.string(),
    gpuMemoryGb: z.number(),
    priceUsdPerHour: z.number(),
    location: z.string(),
    interruptible: z.boolean(),
  })
  .openapi("Offer");

const list = createRoute({
  ...common,
  method: "get",
  path: "/providers",
  summary: "Providers that can be rented from, and whether this deployment has their keys",
  responses: {
    200: json(
      z.object({ data: z.array(z.object({ name: z.enum(providerNames), isConfigured: z.boolean() })) }),
      "Providers",
      { data: [{ name: "runpod", isConfigured: true }] },
    ),
    default: failure,
  },
});

const offers = createRoute({
  ...common,
  method: "get",
  path: "/providers/{name}/offers",
  summary: "What a provider offers now, cheapest first; quotes of the last minute or two",
  request: {
    params: z.object({ name: z.enum(providerNames).openapi({ param: { name: "name", in: "path" } }) }),
    query: z.object({
      gpu: z.string().optional().describe("as specifications name it: RTX 4090"),
      interruptible: z.enum(["true", "false"]).default("false"),
    }),
  },
  responses: {
    200: json(z.object({ data: z.array(offerSchema) }), "Offers", {
      data: [
        {
          gpu: "RTX 4090",
          gpuMemoryGb: 24,
          priceUsdPerHour: 0.44,
          location: "secure EU-RO-1",
          interruptible: false,
        },
      ],
    }),
    default: failure,
  },
});

const dearest = 1000;
const keptMs = 120_000;
const mostKept = 50;
/** Quotes of the last minutes, by provider and question; advice only, so it may be lost. */
const kept = new Map<string, { at: number; data: z.infer<typeof offerSchema>[] }>();

async function quoted(
  env: Parameters<typeof setUp>[0],
  { name, gpu, interruptible }: { name: ProviderName; gpu: string | undefined; interruptible: boolean },
) {
  const provider = setUp(env, realPlatform()).providers.find((one) => one.name === name);
  if (provider === undefined)
    throw new Problem(
      "not-found",
      `This deployment has no key of "${name}"; set it as a secret of the Worker.`,
    );
  const key = JSON.stringify([name, gpu, interruptible]);
  const known = kept.get(key);
  if (known !== undefined && Date.now() - known.at < keptMs) return known.data;
  try {
    const filter = { maxUsdPerHour: dearest, interruptible, ...(gpu === undefined ? {} : { gpus: [gpu] }) };
    const data = (await provider.quote(filter)).map(
      ({ gpu: offered, gpuMemoryGb, priceUsdPerHour, location, interruptible: isBid }) => ({
        gpu: offered,
        gpuMemoryGb,
        priceUsdPerHour,
        location,
        interruptible: isBid,
      }),
    );
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, { at: Date.now(), data });
    return data;
  } catch (error) {
    if (error instanceof ProviderError) throw new Problem("provider-failed", error.message);
    throw error;
  }
}

export const providers = newApp()
  .openapi(list, (c) => {
    const configured = setUp(c.env, realPlatform()).providers.map(({ name }) => name);
    const data = providerNames.map((name) => ({ name, isConfigured: configured.includes(name) }));
    return c.json({ data }, 200);
  })
  .openapi(offers, async (c) => {
    const { name } = c.req.valid("param");
    const { gpu, interruptible } = c.req.valid("query");
    return c.json({ data: await quoted(c.env, { name, gpu, interruptible: interruptible === "true" }) }, 200);
  });
