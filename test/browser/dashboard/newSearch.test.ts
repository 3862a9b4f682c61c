/** The page that starts a search: form, text, profile, and the button. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listSearches } from "../../../cli/api.ts";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'">`;

describe.skipIf(hasNoChromium())("a new search", () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
    const { v1 } = world.edge.client;
    await v1.templates.$post({ json: { name: "plain", specification: { ...smallSearch("from plain") } } });
    await v1.templates.$post({
      json: {
        name: "open",
        description: HOSTILE,
        specification: { ...smallSearch("for {{ ref }}"), seed: "{{ seed }}" },
      },
    });
  });
  afterAll(() => world?.stop());

  const text = ({ page }: View) => page.getByLabel("Specification", { exact: true });
  const field = ({ page }: View, name: string) => page.getByLabel(name, { exact: true });
  const parameters = ({ page }: View) => page.getByRole("img", { name: /^Parameters: from/ });
  const button = ({ page }: View) => page.getByRole("button", { name: "Start the search" });
  const names = async () => (await listSearches(world.edge.client)).map(({ name }) => name);
  const open = async (at = "/new", rest: Parameters<typeof openView>[1] = {}): Promise<View> => {
    const view = await openView(world, { ...rest, at });
    await parameters(view).waitFor();
    return view;
  };

  test("shows what it would hold and take before the button, in every look", async () => {
    const view = await open("/new", { size: "phone" });
    await view.page.getByText("Limit 500 k: fewer than half meet it.", { exact: true }).waitFor();
    const told = view.page.getByRole("region", { name: "What it takes" });
    expect(await told.innerText()).toMatch(/Rounds\s+54[\s\S]+320 architectures[\s\S]+Runner time: about/);
    await view.suitsAll();
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    await view.close();
  });

  test("form and text are one: each follows the other, and comments stay", async () => {
    const view = await open();
    await text(view).fill("# of mine\nname: by text # short\nspace: darts\n");
    await expect.poll(() => field(view, "Name").inputValue()).toBe("by text");
    expect(await field(view, "Space").inputValue()).toBe("darts");
    await field(view, "Name").fill("by form");
    await field(view, "US dollars").pressSequentially("0.05");
    expect(await text(view).inputValue()).toBe(
      "# of mine\nname: by form # short\nspace: darts\nbudget:\n  usd: 0.05\n",
    );
    await field(view, "US dollars").fill("");
    expect(await text(view).inputValue()).not.toContain("budget");
    await view.page.getByRole("button", { name: "JSON" }).click();
    expect(JSON.parse(await text(view).inputValue())).toEqual({ name: "by form", space: "darts" });
    await field(view, "Seed").fill("7");
    expect(JSON.parse(await text(view).inputValue())).toMatchObject({ seed: 7 });
    await view.close();
  });

  test("objectives are added, changed and removed", async () => {
    const view = await open();
    await view.page.getByRole("button", { name: "Add an objective" }).click();
    const third = view.page.getByRole("group", { name: "Objective macs" });
    await third.getByLabel("Limit").fill("60000000");
    await view.page.getByText("Limit 60 M: fewer than half meet it.").waitFor();
    await third.getByLabel("What").selectOption("latency");
    await view.page.getByRole("group", { name: "Objective latency" }).getByLabel("Measured on").waitFor();
    await view.page.getByRole("button", { name: "Remove parameters" }).click();
    expect(await text(view).inputValue()).toMatch(/- name: accuracy\s+goal: maximize\s+- name: latency/);
    await view.close();
  });

  test("what is wrong is told at its field and in a list that leads there, and nothing can be started", async () => {
    const view = await open();
    await field(view, "Seed").fill("-3");
    const list = view.page.getByText("One thing to correct");
    await list.waitFor();
    expect(await field(view, "Seed").getAttribute("aria-invalid")).toBe("true");
    expect(await button(view).isDisabled()).toBe(true);
    await view.isAccessible();
    await view.page.getByRole("button", { name: "seed", exact: true }).press("Enter");
    expect(
      await field(view, "Seed").evaluate((element) => element === element.ownerDocument.activeElement),
    ).toBe(true);
    await field(view, "Seed").fill("3");
    await list.waitFor({ state: "detached" });
    await text(view).fill(`${await text(view).inputValue()}nonsense: 1\n`);
    await view.page.getByText('unknown key "nonsense"').waitFor();
    await view.close();
  });

  test("a limit that nothing meets, and names that only the edge knows, are told before the start", async () => {
    const view = await open();
    await field(view, "Limit").last().fill("5000");
    await view.page
      .getByText(/no architecture of this space meets limit 5000/)
      .first()
      .waitFor();
    await field(view, "Limit").last().fill("400000");
    await text(view).fill("name: x\ndataset:\n  name: not-pushed\n");
    await view.page
      .getByText(/no data set "not-pushed"/)
      .first()
      .waitFor();
    expect(await button(view).isDisabled()).toBe(true);
    await view.close();
  });

  test("a text with a fault says where, keeps the form as it was, and gives it back", async () => {
    const view = await open();
    await text(view).fill("name: [");
    await view.page.getByText(/at line 1/).waitFor();
    expect(await field(view, "Name").isDisabled()).toBe(true);
    expect(await field(view, "Name").inputValue()).toBe("my first search");
    expect(await button(view).isDisabled()).toBe(true);
    await view.isAccessible();
    await text(view).fill("name: again\n");
    await expect.poll(() => field(view, "Name").isEnabled()).toBe(true);
    await view.close();
  });

  test("a profile that comes late never takes the place of a newer one", async () => {
    const view = await open();
    const waiting: (() => void)[] = [];
    await view.page.route("**/v1/profiles", async (route) => {
      if (waiting.length === 0 && route.request().postData()?.includes('"layers":11'))
        await new Promise<void>((resolve) => waiting.push(resolve));
      await route.continue().catch(() => {});
    });
    const layers = field(view, "Layers (cells)").first();
    await layers.fill("11");
    await expect.poll(() => waiting.length).toBe(1);
    await layers.fill("4");
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    const told = await parameters(view).getAttribute("aria-label");
    for (const go of waiting) go();
    await layers.fill("8");
    await layers.fill("4");
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    expect(await parameters(view).getAttribute("aria-label")).toBe(told);
    await view.close();
  });

  test("starts the search and goes to it; nothing is left of what was typed", async () => {
    const view = await open();
    await field(view, "Name").fill(HOSTILE);
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    await button(view).press("Enter");
    await view.page.waitForURL(/#\/searches\/[a-z0-9]+$/);
    const id = view.page.url().split("/").at(-1);
    const made = (await listSearches(world.edge.client)).find((search) => search.id === id);
    expect(made).toMatchObject({ name: HOSTILE, state: "queued" });
    expect(await view.page.evaluate("sessionStorage.getItem('nasturtium.newSearch')")).toBeNull();
    await view.goTo(`/new?search=${id}`);
    await expect.poll(() => field(view, "Name").inputValue()).toBe(`${HOSTILE} again`);
    expect(await text(view).inputValue()).not.toContain("reranking");
    await view.close();
  });

  test("an answer that is lost on the way and asked for again starts one search", async () => {
    const view = await open();
    await field(view, "Name").fill("only once");
    let posts = 0;
    await view.page.route("**/v1/searches", async (route) => {
      if (route.request().method() !== "POST" || posts++ > 0) return route.continue();
      await route.fetch();
      await route.abort();
    });
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    await button(view).click();
    await view.page.getByText("The edge does not answer").first().waitFor();
    await expect.poll(() => button(view).isEnabled()).toBe(true);
    await button(view).click();
    await view.page.waitForURL(/#\/searches\/[a-z0-9]+$/);
    expect(posts).toBe(2);
    expect((await names()).filter((name) => name === "only once")).toHaveLength(1);
    await view.close();
  });

  test("what was typed survives a reload", async () => {
    const view = await open();
    await field(view, "Name").fill("half done");
    await view.page.reload();
    await parameters(view).waitFor();
    expect(await field(view, "Name").inputValue()).toBe("half done");
    await view.close();
  });

  test("begins with a template, asks for its open values, and takes back what it replaced", async () => {
    const view = await open();
    await field(view, "Name").fill("mine");
    await field(view, "Begin with").selectOption("template:plain");
    await expect.poll(() => field(view, "Name").inputValue()).toBe("from plain");
    await view.page.getByRole("button", { name: "Take it back" }).click();
    expect(await field(view, "Name").inputValue()).toBe("mine");
    await field(view, "Begin with").selectOption("template:open");
    await field(view, "ref").fill("main");
    await field(view, "seed").fill("12");
    await view.isAccessible();
    await view.page.getByRole("button", { name: "Fill in" }).click();
    await expect.poll(() => field(view, "Name").inputValue()).toBe("for main");
    expect(await field(view, "Seed").inputValue()).toBe("12");
    await view.close();
  });

  test("a search that was begins anew, changed; one on a table has its table's fields", async () => {
    const view = await openView(world, { at: `/new?search=${world.table.id}` });
    await view.page.getByText("The table has what each is worth.").waitFor();
    await expect.poll(() => field(view, "Name").inputValue()).toBe(`${world.table.name} again`);
    expect(await field(view, "Architectures are").inputValue()).toBe("tabular");
    const { evaluation } = world.table.specification;
    if (evaluation.kind === "tabular")
      expect(await field(view, "Column of accuracy").inputValue()).toBe(evaluation.reward);
    await view.fits();
    await view.isAccessible();
    await view.close();
  });

  test("a token that may not start searches is told so and another asked for", async () => {
    const { token } = await tokenWith(world, "searches:read");
    const view = await openView(world, { token, at: "/new" });
    await view.page.getByRole("heading", { name: "Starting a search needs a token that may" }).waitFor();
    await view.isAccessible();
    await view.page.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
    await view.page.getByRole("button", { name: "Use this token" }).click();
    await parameters(view).waitFor();
    await view.close();
  });

  test("a lost connection says that there is no profile, and it comes by itself", async () => {
    const view = await open();
    await view.context.setOffline(true);
    await field(view, "Layers (cells)").first().fill("5");
    await view.page.getByText(/^No profile:/).waitFor();
    expect(await field(view, "Layers (cells)").first().inputValue()).toBe("5");
    await view.context.setOffline(false);
    await view.page.getByText(/^No profile:/).waitFor({ state: "detached" });
    await view.close();
  });
});
