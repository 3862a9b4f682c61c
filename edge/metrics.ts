/** `/metrics`: the deployment in figures, in the text format of Prometheus. */

import { Hono } from "hono";
import { requires } from "./auth.ts";
import type { AppEnv } from "./env.ts";
import { pricesOf, usd } from "./rentals/money.ts";
import { capsOf } from "./rentals/setUp.ts";
import { totals } from "./store/instances.ts";
import { rentedNow, statesOf } from "./store/metrics.ts";

interface Metric {
  name: string;
  help: string;
  samples: { labels?: Record<string, string>; value: number }[];
}

const labelled = (label: string, counts: Record<string, number>): Metric["samples"] =>
  Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value }));

const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function line(name: string, { labels = {}, value }: Metric["samples"][number]): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${list.length === 0 ? "" : `{${list.join(",")}}`} ${Number.isFinite(value) ? value : "+Inf"}`;
}

const text = (metrics: readonly Metric[]): string =>
  metrics
    .map(({ name, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} gauge`,
        ...samples.map((sample) => line(name, sample)),
        "",
      ].join("\n"),
    )
    .join("");

export const metrics = new Hono<AppEnv>().get("/metrics", requires("searches:read"), async (c) => {
  const now = Date.now();
  const { monthMicroUsd, microUsdPerHour } = await totals(c.env.DB, now);
  const states = await statesOf(c.env.DB, now);
  const caps = capsOf(c.env);
  const searches = (await rentedNow(c.env.DB, now)).map(({ id, spent, summary }) => {
    const spentUsd = usd(Math.ceil(spent));
    return { search: id, spentUsd, ...pricesOf(spentUsd, summary) };
  });
  const ofSearches = (key: Exclude<keyof (typeof searches)[number], "search">): Metric["samples"] =>
    searches.flatMap(({ search, [key]: value }) => (value === null ? [] : [{ labels: { search }, value }]));
  const list: Metric[] = [
    {
      name: "nasturtium_searches",
      help: "Searches that are not over, by state.",
      samples: labelled("state", states.searches),
    },
    {
      name: "nasturtium_trainings",
      help: "Trainings that are not over, by state.",
      samples: labelled("state", states.trainings),
    },
    {
      name: "nasturtium_instances",
      help: "Rented machines that may cost something, by state.",
      samples: labelled("state", states.instances),
    },
    { name: "nasturtium_leases", help: "Tasks that runners work on.", samples: [{ value: states.leases }] },
    {
      name: "nasturtium_deliveries_due",
      help: "Messages to webhooks that wait.",
      samples: [{ value: states.deliveries }],
    },
    {
      name: "nasturtium_usd_per_hour",
      help: "What all machines cost now.",
      samples: [{ value: usd(microUsdPerHour) }],
    },
    {
      name: "nasturtium_month_usd",
      help: "Spent and set aside in this calendar month (UTC).",
      samples: [{ value: usd(monthMicroUsd) }],
    },
    {
      name: "nasturtium_month_cap_usd",
      help: "What may be spent in a month.",
      samples: [{ value: usd(caps.microUsdPerMonth) }],
    },
    {
      name: "nasturtium_search_usd",
      help: "What searches that rent and are not over have spent.",
      samples: ofSearches("spentUsd"),
    },
    {
      name: "nasturtium_search_architecture_usd",
      help: "What each architecture on their fronts has cost.",
      samples: ofSearches("perArchitectureUsd"),
    },
    {
      name: "nasturtium_search_hypervolume_percent_usd",
      help: "What each percent of their hypervolume has cost.",
      samples: ofSearches("perHypervolumePercentUsd"),
    },
  ];
  return c.text(text(list), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
});
