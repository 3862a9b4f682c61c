/** How to get the same again. */

import { h } from "preact";
import { version } from "../../../shared/version.ts";
import { isTabular } from "../../api.ts";
import type { ReportData } from "../data.ts";
import { hint, section } from "../parts.ts";

export function reproduce({ search, front }: ReportData) {
  const [best] = front;
  const commands = [
    "nasturtium search specification.json",
    ...(best === undefined || isTabular(search) ? [] : [`nasturtium train SEARCH ${best.hash}`]),
  ];
  return section(
    "How to reproduce it",
    hint(
      `Nasturtium ${version} with the same backend, threads and processor gives the same numbers. Store the specification below as specification.json, its seed is in it.`,
    ),
    h("pre", null, commands.join("\n")),
    h(
      "details",
      null,
      h("summary", null, "specification.json"),
      h("pre", null, JSON.stringify(search.specification, null, 2)),
    ),
  );
}
