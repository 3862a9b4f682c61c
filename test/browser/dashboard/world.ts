/** A real local Worker with real searches, and pages of the dashboard on it in a real browser. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { createToken, type Search } from "../../../cli/api.ts";
import { TestEdge } from "../../wholeSearch.ts";
import { startChromium } from "../chromium.ts";
import { newState, type Searches, searchesOf } from "./state.ts";

export interface World extends Searches {
  edge: TestEdge;
  browser: Browser;
  /** Ends browser and edge, and removes what they stored. */
  stop(): Promise<void>;
}

interface WorldOptions {
  /** Without any search. */
  isEmpty?: boolean;
  vars?: Record<string, string>;
}

export async function startWorld({ isEmpty = false, vars = {} }: WorldOptions = {}): Promise<World> {
  const stateDir = await newState({ isEmpty });
  const [edge, browser] = await Promise.all([
    TestEdge.start({ NASTURTIUM_RATE_LIMIT: "0", ...vars }, { stateDir }),
    startChromium(),
  ]);
  const none = {} as Search;
  return {
    ...(isEmpty ? { table: none, supernet: none, trained: none } : await searchesOf(edge)),
    edge,
    browser,
    stop: async () => {
      await browser.close();
      await edge.stop();
    },
  };
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
  /** Both of these, in both themes and sizes. */
  suitsAll(): Promise<void>;
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

const LIMIT_MS = 60_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

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
    fits: () => fits(page),
    suitsAll: async () => {
      for (const look of looks) {
        await page.emulateMedia({ colorScheme: look.theme });
        await page.setViewportSize(sizes[look.size]);
        await fits(page, look);
        await isAccessible(page, look);
      }
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(sizes[size]);
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

type Look = Pick<ViewOptions, "theme" | "size">;

export async function fits(page: Page, look: Look = {}): Promise<void> {
  const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  // Pictures follow a new size a moment later.
  await expect
    .poll(async () => ({ look, tooWide: await page.evaluate(width) }))
    .toEqual({ look, tooWide: 0 });
}

export async function isAccessible(page: Page, look: Look = {}): Promise<void> {
  // By the debugger's channel: the page's policy allows no script from elsewhere.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  const { violations } = (await page.evaluate(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] })`,
  )) as { violations: Violation[] };
  expect(
    violations.map(({ id, help, nodes }) => ({
      look,
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

export const looks = [
  { theme: "light", size: "desktop" },
  { theme: "dark", size: "desktop" },
  { theme: "light", size: "phone" },
  { theme: "dark", size: "phone" },
] as const;
