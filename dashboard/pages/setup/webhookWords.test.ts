/** Filters of webhooks, written out and shortened. */

import { expect, test } from "vitest";
import { isWebhookFilter, webhookEvents } from "../../../shared/webhookEvents.ts";
import { eventGroups, shortened, writtenOut } from "./webhookWords.ts";

test("a filter that is written out and shortened names the same events", () => {
  for (const filter of [[], ["search.*"], ["search.failed", "front.*"], ["device.quarantined"]])
    expect(writtenOut(shortened(writtenOut(filter)))).toEqual(writtenOut(filter));
});

test("all events are told by no entry, a whole group by one", () => {
  expect(shortened(webhookEvents)).toEqual([]);
  expect(shortened(["front.improved", "front.reranked", "search.failed"])).toEqual([
    "search.failed",
    "front.*",
  ]);
});

test("every event is in a group, every group has a title and is a filter that the edge knows", () => {
  expect(eventGroups.flatMap(({ events }) => events).sort()).toEqual([...webhookEvents].sort());
  for (const { filter, title } of eventGroups) {
    expect(isWebhookFilter(filter)).toBe(true);
    expect(title).not.toBe(filter);
  }
});
