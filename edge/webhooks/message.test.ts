import { describe, expect, test } from "vitest";
import { testEvent, webhookEvents } from "../../shared/webhookEvents.ts";
import { bodyOf, type Told } from "./message.ts";

const origin = "https://edge.test";
const createdAt = Date.parse("2026-11-24T12:00:00Z");
const search = {
  searchId: "abc",
  name: "small & good",
  campaignId: null,
  sequence: 7,
  progress: { stage: 1, phase: "search", evaluations: 1234, frontSize: 9, bestAccuracy: 91.26 },
};
const told = (type: string, data: Record<string, unknown> = {}): Told => ({
  type,
  data: { ...data, ...search },
  createdAt,
});

interface Slack {
  text: string;
  blocks: { type: string; text?: { text: string }; elements?: { text: string }[] }[];
}
interface Discord {
  content: string;
  embeds: { title: string; url: string; timestamp: string }[];
  allowed_mentions: { parse: string[] };
}
const slack = (event: Told): Slack => JSON.parse(bodyOf(event, "slack", origin)) as Slack;
const discord = (event: Told): Discord => JSON.parse(bodyOf(event, "discord", origin)) as Discord;

describe("the standard form", () => {
  test("has type, time and data with links", () => {
    const body = JSON.parse(bodyOf(told("training.completed", { trainingId: "t1" }), "standard", origin));
    expect(body).toEqual({
      type: "training.completed",
      timestamp: "2026-11-24T12:00:00.000Z",
      data: {
        ...search,
        trainingId: "t1",
        links: {
          search: "https://edge.test/v1/searches/abc",
          front: "https://edge.test/v1/searches/abc/front",
          events: "https://edge.test/v1/searches/abc/events",
          training: "https://edge.test/v1/trainings/t1",
        },
      },
    });
  });

  test("stays below 20 kB whatever an event holds", () => {
    const text = bodyOf(told("training.failed", { message: "é".repeat(15_000) }), "standard", origin);
    expect(new TextEncoder().encode(text).length).toBeLessThan(20_000);
    expect(JSON.parse(text).data).toMatchObject({ searchId: "abc", name: "small & good", truncated: true });
  });
});

describe("messages for people", () => {
  test("are sentences with figures", () => {
    expect(discord(told("search.completed")).content).toBe(
      'Search "small & good" is completed: 1,234 evaluations, 9 architectures on the front, best accuracy 91.3 %.',
    );
    expect(
      discord(told("training.completed", { trainingId: "t1", testAccuracy: 84.04, parameters: 600_123 }))
        .content,
    ).toBe(
      'The training t1 of search "small & good" is completed: test accuracy 84.0 %, 600,123 parameters.',
    );
    expect(
      discord(told("budget.threshold", { budget: "gpuHours", percent: 80, used: 8.123, limit: 10 })).content,
    ).toBe('Search "small & good" has used 80 % of its GPU hours: 8.12 of 10.');
    expect(discord(told("search.stalled", { idleMinutes: 15 })).content).toBe(
      'Search "small & good" is stalled: for 15 minutes no runner has worked on it.',
    );
  });

  test("exist for every type, also where figures are missing, and are never empty", () => {
    for (const type of [...webhookEvents, testEvent]) {
      const bare = { type, data: { searchId: "abc", name: "n" }, createdAt };
      for (const event of [told(type), bare]) {
        expect(slack(event).text).toMatch(/\.$|%$/);
        expect(discord(event).content).not.toBe("");
      }
    }
  });

  test("in Slack hold text and blocks with a link, and no markup of a name", () => {
    const body = slack({ ...told("stage.completed", { stage: 0, front: 9 }) });
    expect(body.text).toBe('Search "small &amp; good" has completed stage 1: 9 architectures on the front.');
    expect(body.blocks[0]?.text?.text).toBe(body.text);
    expect(body.blocks[1]?.elements?.[0]?.text).toBe(
      "<https://edge.test/v1/searches/abc/front|stage.completed>",
    );
    const named = { ...told("search.paused"), data: { ...search, name: "<!channel>" } };
    expect(slack(named).text).not.toContain("<!channel>");
  });

  test("in Discord mention nobody, link, and stay within 2,000 characters", () => {
    const body = discord(told("search.failed", { message: `@everyone ${"x".repeat(5000)}` }));
    expect(body.content).toHaveLength(2000);
    expect(body.allowed_mentions).toEqual({ parse: [] });
    expect(body.embeds).toEqual([
      {
        title: "search.failed",
        url: "https://edge.test/v1/searches/abc",
        timestamp: "2026-11-24T12:00:00.000Z",
      },
    ]);
  });
});
