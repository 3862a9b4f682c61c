/**
 * A real local Worker with real searches, and pages of the dashboard on it in a real browser. The searches are those of a
 * recorded version, restored in a second: `table`, which a runner then ends, and `supernet`, in the middle of its rounds.
 */

import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { createToken, listSearches, type Search } from "../../../cli/api.ts";
import { recordedVersions, restore } from "../../upgrade/records.ts";
import { isFinished, TestEdge } from "../../wholeSearch.ts";
import { startChromium } from "../chromium.ts";

export interface World {
  edge: TestEdge;
  browser: Browser;
  /** On a table, completed: a front, 60 candidates, no trainings. */
  table: Search;
  /** Running, in the middle: some candidates, some policy, no final training. */
  supernet: Search;
  /** Ends browser and edge, and removes what they stored. */
  stop(): Promise<void>;
}

interface WorldOptions {
  /** Leaves out the runner that ends the search on a table: quicker. */
  isFresh?: boolean;
  /** Without any search. */
  isEmpty?: boolean;
  vars?: Record<string, string>;
}

export async function startWorld({
  isFresh = false,
  isEmpty = false,
  vars = {},
}: WorldOptions = {}): Promise<World> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-dashboard-"));
  const [version = ""] = recordedVersions();
  if (!isEmpty) await restore(version, stateDir);
  const [edge, browser] = await Promise.all([
    TestEdge.start({ NASTURTIUM_RATE_LIMIT: "0", ...vars }, { stateDir }),
    startChromium(),
  ]);
  const stop = async () => {
    await browser.close();
    await edge.stop();
  };
  const none = {} as Search;
  if (isEmpty) return { edge, browser, table: none, supernet: none, stop };
  const searches = await listSearches(edge.client);
  const of = (kind: string): Search =>
    searches.find(({ specification }) => specification.evaluation.kind === kind) ?? none;
  let table = of("tabular");
  if (!isFresh) {
    const env = { NASTURTIUM_CACHE: mkdtempSync(path.join(stateDir, "cache-")) };
    const runner = edge.startRunner(table.id, { backend: "wasm", env });
    table = await edge.until(table.id, runner, isFinished);
    await runner.stop();
  }
  return { edge, browser, table, supernet: of("supernet"), stop };
}

export const sizes = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 360, height: 740 },
} as const;

export interface View {
  context: BrowserContext;
  page: Page;
  /** To an address of the app such as `/searches`. */
  goTo(address: string): Promise<void>;
  /** Fails where axe-core finds a violation. */
  isAccessible(): Promise<void>;
  /** Fails where the page is wider than the screen. */
  fits(): Promise<void>;
  /** Errors and refusals of the content security policy so far, and requests to elsewhere. */
  faults: string[];
  close(): Promise<void>;
}

interface ViewOptions {
  /** Null for none; the admin's without it. */
  token?: string | null;
  theme?: "light" | "dark";
  size?: keyof typeof sizes;
  /** Where it begins. */
  at?: string;
}

const LIMIT_MS = 30_000;
const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** A page in a context of its own, with the token in the address as a link has it. `close` fails where something went wrong. */
export async function openView(
  { edge, browser }: Pick<World, "edge" | "browser">,
  { token = edge.edge.token, theme = "light", size = "desktop", at = "/searches" }: ViewOptions = {},
): Promise<View> {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    reducedMotion: "reduce",
    isMobile: size === "phone",
    hasTouch: size === "phone",
  });
  context.setDefaultTimeout(LIMIT_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is told by the browser itself, and is often what is tested.
    if (message.type() === "error" && !/^Failed to load resource/.test(text)) faults.push(text);
    else if (/Content Security Policy/i.test(text)) faults.push(text);
  });
  page.on("request", (request) => {
    const isOwn = request.url().startsWith(edge.edge.url) || /^(blob|data):/.test(request.url());
    if (!isOwn) faults.push(`asked for ${request.url()}`);
  });
  const url = `${edge.edge.url}/`;
  await page.goto(token === null ? `${url}#${at}` : `${url}#token=${token}&go=${encodeURIComponent(at)}`);
  return {
    context,
    page,
    faults,
    goTo: async (address) => {
      await page.evaluate(`location.hash = ${JSON.stringify(address)}`);
    },
    isAccessible: () => isAccessible(page),
    fits: async () => {
      const width = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      expect(width).toBe(0);
    },
    close: async () => {
      await context.close();
      expect(faults).toEqual([]);
    },
  };
}

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

async function isAccessible(page: Page): Promise<void> {
  // By the debugger's channel: the page's policy allows no script from elsewhere.
  await page.evaluate(readFileSync(axeSource, "utf8"));
  const { violations } = (await page.evaluate(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
  )) as { violations: Violation[] };
  expect(
    violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`),
    })),
  ).toEqual([]);
}

/** A token with these scopes. */
export const tokenWith = async (
  { edge }: Pick<World, "edge">,
  ...scopes: ("admin" | "searches:read" | "searches:write" | "runner" | "device")[]
): Promise<{ id: string; token: string }> => createToken(edge.client, { name: scopes.join(" "), scopes });

/** Puts a test on both themes and sizes. */
export const looks = [
  { theme: "light", size: "desktop" },
  { theme: "dark", size: "desktop" },
  { theme: "light", size: "phone" },
  { theme: "dark", size: "phone" },
] as const;
