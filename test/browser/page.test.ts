/** The page `/device` in a real browser, against a server that speaks a device's messages. */

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MeasureTask, Subject } from "../../shared/measuring.ts";
import { hasNoChromium, startChromium } from "./chromium.ts";
import { FakeEdge, type Refusal } from "./fakeEdge.ts";

/** The GPU is in software here, and the machine may have other work. */
const LIMIT_MS = 110_000;

const convolution = (channels: number): Subject => ({
  key: `convolution-${channels}`,
  kind: "operation",
  operation: "sep_conv_3x3",
  shape: { height: 16, width: 16, channels },
  stride: 1,
});

const task = (taskId: string, subjects: Subject[]): MeasureTask => ({
  kind: "measure",
  taskId,
  searchId: null,
  objectives: ["latency", "memory"],
  settings: { batchSize: 1, width: 0.5, limitSeconds: 2 },
  referenceMs: null,
  subjects,
});

/** Of several subjects, each of which takes all of its second: there is time to disturb it. */
const longTask: MeasureTask = {
  ...task("long", [4, 8, 12].map(convolution)),
  settings: { batchSize: 1, width: 1e-6, limitSeconds: 1 },
  referenceMs: null,
};

describe.skipIf(hasNoChromium())("the page /device", () => {
  let browser: Browser;
  let edge: FakeEdge;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    edge = await new FakeEdge().start();
    context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    context.setDefaultTimeout(LIMIT_MS);
    faults = [];
    await newPage();
  });
  afterEach(async () => {
    await context.close();
    await edge.close();
    // A refused script, style or request is told by the console.
    expect(faults).toEqual([]);
  });

  async function newPage(): Promise<void> {
    page = await context.newPage();
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Uncaught/i.test(message.text())) faults.push(message.text());
    });
  }

  const open = (fragment = `token=${edge.token}&name=phone-lab&backend=wasm`) =>
    page.goto(`${edge.url}/device${fragment && `#${fragment}`}`);
  const heading = (name: string) => page.getByRole("heading", { name }).waitFor();
  const reported = (count: number) =>
    expect.poll(() => edge.reports.length, { timeout: LIMIT_MS }).toBe(count);

  test("measures what it is given and reports plausible numbers", async () => {
    edge.tasks.push(task("t1", [convolution(4), convolution(64)]));
    await open();
    await reported(1);
    expect(edge.registrations).toMatchObject([
      {
        name: "phone-lab",
        backend: { name: "wasm", threads: 1 },
        fingerprint: { runtime: expect.stringMatching(/^Chrome \d+$/) },
      },
    ]);
    const [report] = edge.reports;
    expect(report).toMatchObject({
      backend: "wasm",
      conditions: { clock: expect.stringContaining("performance.now in steps of") },
    });
    const values = report?.results.map(({ values }) => values) ?? [];
    expect(report?.results.map(({ key }) => key)).toEqual(["convolution-4", "convolution-64"]);
    for (const { latency } of values) {
      expect(latency?.low).toBeGreaterThan(0);
      expect(latency?.low).toBeLessThanOrEqual(latency?.median ?? 0);
      expect(latency?.median).toBeLessThanOrEqual(latency?.high ?? 0);
      expect(latency?.high).toBeLessThan(2000);
    }
    const [small, large] = values;
    expect(large?.latency?.median).toBeGreaterThan(small?.latency?.median ?? Number.POSITIVE_INFINITY);
    // At least its input and output, at most a few times that.
    const images = 2 * 16 * 16 * 64 * 4;
    expect(large?.memory?.median).toBeGreaterThan(images);
    expect(large?.memory?.median).toBeLessThan(6 * images);
  });

  test("shows its state, what it measured with the interval, and takes the token out of the address", async () => {
    edge.tasks.push(task("t1", [convolution(4)]));
    await open();
    await heading("phone-lab");
    expect(page.url()).toBe(`${edge.url}/device`);
    await heading("Waiting for work");
    const row = page.getByRole("listitem").filter({ hasText: "sep conv 3x3" });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/at 16 × 16 × 4[\s\S]*[\d.]+ ms\s+[\d.]+ to [\d.]+[\s\S]*MiB/);
    expect(await page.getByText("1 measured").count()).toBe(1);
    expect(await page.content()).not.toContain(edge.token);
  });

  test("a reload goes on with the token that it had, and a forgotten one is asked for again", async () => {
    await open();
    await heading("Waiting for work");
    await page.reload();
    await heading("Waiting for work");
    expect(edge.registrations).toHaveLength(2);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.reload();
    await heading("Connect this device");
    expect(await page.getByLabel("Name of this device").inputValue()).toBe("phone-lab");
    expect(await page.getByLabel("Token").inputValue()).toBe("");
  });

  test("without a token a form asks for it and the name, by the keyboard alone", async () => {
    await open("");
    await heading("Connect this device");
    await page.getByLabel("Name of this device").focus();
    await page.keyboard.type("tablet");
    await page.keyboard.press("Tab");
    await page.keyboard.type(edge.token);
    await page.keyboard.press("Tab");
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Connect" }).press("Enter");
    await heading("Waiting for work");
    expect(edge.registrations).toMatchObject([{ name: "tablet", backend: { name: "wasm" } }]);
  });

  test("without a backend that is wanted it takes the fastest of those that work, and says so", async () => {
    await open(`token=${edge.token}&name=phone-lab`);
    await heading("Waiting for work");
    const rows = page.getByRole("region", { name: "Backends of this browser" }).getByRole("listitem");
    const texts = await rows.allInnerTexts();
    expect(texts).toHaveLength(3);
    expect(texts[0]).toMatch(/in use[\s\S]*ms in the trial/);
    const times = texts.flatMap((text) => [...text.matchAll(/([\d.]+) ms/g)].map(([, ms]) => Number(ms)));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test.each(["webgl", "webgpu"] as const)("%s measures, too", async (backend) => {
    edge.tasks.push(task("t1", [convolution(4)]));
    await open(`token=${edge.token}&name=phone-lab&backend=${backend}`);
    await reported(1);
    expect(edge.reports).toMatchObject([{ backend, results: [{ key: "convolution-4" }] }]);
    expect(edge.reports[0]?.results[0]?.values.latency?.median).toBeGreaterThan(0);
    expect(edge.reports[0]?.results[0]?.values.memory?.median).toBeGreaterThan(0);
  });

  test("goes on after a lost connection", async () => {
    await open();
    await heading("Waiting for work");
    await context.setOffline(true);
    await heading("Connection lost");
    edge.tasks.push(task("t1", [convolution(4)]));
    await context.setOffline(false);
    await reported(1);
  });

  test("what it loses the lease of it drops, and takes the next", async () => {
    edge.tasks.push(longTask);
    await open();
    await page.getByText("1 measured").waitFor();
    edge.loseLeases();
    await reported(1);
    expect(edge.reports[0]?.results).toHaveLength(3);
  });

  test("stops when it is told to, gives the task back and starts again", async () => {
    edge.tasks.push(longTask);
    await open();
    await page.getByText("1 measured").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await heading("Stopped");
    await expect.poll(() => edge.releases.length, { timeout: LIMIT_MS }).toBe(1);
    expect(edge.reports).toEqual([]);
    await page.getByRole("button", { name: "Start again" }).click();
    await reported(1);
  });

  const refusals: [Refusal, title: string, says: string][] = [
    [
      { status: 401, type: "unauthorized", detail: "The token expired at 2026-01-01; use another." },
      "The token is not accepted",
      "nasturtium device --link --name phone-lab",
    ],
    [
      { status: 403, type: "forbidden", detail: "This needs a token with the scope device." },
      "The token may not measure",
      "nasturtium device --link --name phone-lab",
    ],
    [
      { status: 409, type: "device-changed", detail: `"phone-lab": its gpu was A, and is B.` },
      "Another device has this name",
      "nasturtium devices remove phone-lab",
    ],
    [
      { status: 409, type: "device-quarantined", detail: `"phone-lab": -1 is not above 0` },
      "The edge has set this device aside",
      "nasturtium devices release phone-lab",
    ],
    [
      { status: 409, type: "protocol-mismatch", detail: "Update the older of the two." },
      "Page and edge are of different versions",
      "Reload this page",
    ],
  ];
  test.each(refusals)("refused as %j, it says what is wrong and what to do", async (refusal, title, says) => {
    edge.refusal = refusal;
    await open();
    await heading(title);
    const alert = page.getByRole("alert");
    expect(await alert.innerText()).toContain(refusal.detail);
    expect(await alert.innerText()).toContain(says);
    const button = page.getByRole("button", { name: /Connect|Try again/ });
    edge.refusal = null;
    await button.click();
    await heading("Waiting for work");
  });

  test("a browser without any backend is told why, for each", async () => {
    await page.addInitScript(`
      Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
      HTMLCanvasElement.prototype.getContext = () => null;
      OffscreenCanvas.prototype.getContext = () => null;
      WebAssembly.instantiate = WebAssembly.instantiateStreaming = () => Promise.reject(new Error("no WebAssembly"));
    `);
    await open(`token=${edge.token}&name=phone-lab`);
    await heading("This browser cannot run networks");
    const text = await page.getByRole("alert").innerText();
    for (const backend of ["WebGPU:", "WebGL:", "WebAssembly:"]) expect(text).toContain(backend);
  });

  test("a hidden page pauses and gives its task back; seen again, it goes on", async () => {
    edge.tasks.push(longTask);
    await open();
    await page.getByText("1 measured").waitFor();
    const setSeen = (state: "hidden" | "visible") =>
      page.evaluate(`
        Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await setSeen("hidden");
    await heading("Paused: this page is hidden");
    await expect.poll(() => edge.releases.length, { timeout: LIMIT_MS }).toBe(1);
    await setSeen("visible");
    await reported(1);
  });
});
