/** What a report holds: a section is one row here, in the order in which they are read. */

import type { ComponentChild } from "preact";
import type { ReportData } from "./data.ts";
import type { Pictures } from "./picture.ts";
import { asked } from "./sections/asked.ts";
import { cost } from "./sections/cost.ts";
import { events } from "./sections/events.ts";
import { found, front } from "./sections/found.ts";
import { policy } from "./sections/policy.ts";
import { progress } from "./sections/progress.ts";
import { recommended } from "./sections/recommended.ts";
import { reproduce } from "./sections/reproduce.ts";
import { trained } from "./sections/trained.ts";

/** Null where there is nothing to tell. */
export type Section = (data: ReportData, pictures: Pictures) => ComponentChild;

export const sections: readonly Section[] = [
  asked,
  found,
  recommended,
  front,
  progress,
  policy,
  trained,
  cost,
  events,
  reproduce,
];
