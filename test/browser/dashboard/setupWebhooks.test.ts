/** Webhooks and triggers in the set-up, with a real receiver and a real sender. */

import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = "<b>bold</b> channel";

describe.skipIf(hasNoChromium())("webhooks and triggers in the set-up", () => {
  let world: World;
  /** Paths that answer with an error, until they are taken out. */
  const failing = new Set<string>();
  const received: { path: string; type: string }[] = [];
  const receiver = createServer((request, response) => void take(request, response));
  let address: string;

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    const path = request.url ?? "";
    received.push({ path, type: (JSON.parse(body) as { type?: string }).type ?? "" });
    if (failing.has(path)) response.writeHead(500).end("<i>out of order</i>");
    else response.writeHead(204).end();
  }

  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    address = `http://${host}`;
    world = await startWorld({ vars: { NASTURTIUM_WEBHOOK_HOSTS: host } });
  });
  afterAll(async () => {
    await world?.stop();
    receiver.closeAllConnections();
    receiver.close();
  });

  const button = ({ page }: View, name: string) => page.getByRole("button", { name, exact: true });
  const create = async (path: string, fields: { description?: string; events?: string[] } = {}) => {
    const json = { url: `${address}${path}`, ...fields };
    return (await world.edge.client.v1.webhooks.$post({ json })).json();
  };

  test("a webhook is made with the events that are ticked; its secret is shown once", async () => {
    const view = await openView(world, { at: "/setup/webhooks" });
    await button(view, "New webhook").click();
    await view.page.getByLabel("Address").fill("https://10.0.0.1/private");
    await view.page.getByLabel("What it is for").fill(HOSTILE);
    await button(view, "Create the webhook").click();
    await view.page.getByText("Correct the marked field").waitFor();
    await view.page.getByLabel("Address").fill(`${address}/made`);
    for (const group of await view.page.getByRole("group").all()) {
      const name = await group.locator("legend").innerText();
      if (name !== "The front")
        for (const box of await group.getByRole("checkbox").all()) await box.uncheck();
    }
    await view.page.getByLabel("search.failed").check();
    await view.page.getByLabel("Only of the search").selectOption(world.supernet.id);
    await view.isAccessible();
    await button(view, "Create the webhook").press("Enter");
    const secret = await view.page.locator(".setup-secret").innerText();
    expect(secret).toMatch(/^whsec_/);
    await button(view, "I have stored it").click();
    await view.page.getByRole("heading", { level: 1, name: HOSTILE }).waitFor();
    const facts = await view.page.getByRole("region", { name: "What it is told" }).innerText();
    expect(facts).toContain("search.failed, front.*");
    expect(facts).toContain(world.supernet.name);
    expect(await view.page.content()).not.toContain(secret);
    await view.close();
  });

  test("what is changed of it is kept, and a change that came between is told", async () => {
    const { id } = await create("/change");
    const view = await openView(world, { at: `/setup/webhooks/${id}` });
    await button(view, "Edit").click();
    await view.page.getByLabel("Sent as").selectOption("slack");
    await button(view, "Save").click();
    await view.page.getByRole("definition").filter({ hasText: "Slack" }).waitFor();
    await button(view, "Edit").click();
    await world.edge.client.v1.webhooks[":id"].$patch(
      { param: { id }, json: { description: "renamed" } },
      { headers: { "if-match": "*" } },
    );
    await view.page.getByLabel("What it is for").fill("another");
    await button(view, "Save").click();
    await view.page
      .getByRole("alert")
      .getByText(/changed by somebody else/)
      .waitFor();
    await button(view, "Cancel").click();
    await view.page.getByRole("heading", { level: 1, name: "renamed" }).waitFor();
    await view.close();
  });

  test("each try of a delivery is shown, and one that failed arrives when it is sent again", async () => {
    failing.add("/later");
    const { id } = await create("/later");
    const view = await openView(world, { at: `/setup/webhooks/${id}` });
    await view.page.getByText("It was told of nothing yet").waitFor();
    await button(view, "Send a test").click();
    await view.page.locator("summary").filter({ hasText: "1 try" }).click();
    expect(await view.page.locator(".setup-tries").innerText()).toMatch(/500[\s\S]*<i>out of order<\/i>/);
    await view.page.getByRole("cell", { name: /^(in \d|any moment)/ }).waitFor();
    await view.isAccessible();
    failing.delete("/later");
    await view.page.getByRole("button", { name: /^Send again: webhook\.test/ }).press("Enter");
    await view.page.getByText("delivered", { exact: true }).last().waitFor();
    expect(received.filter(({ path }) => path === "/later")).toHaveLength(2);
    await view.page.getByLabel("State").selectOption("failed");
    await view.page.getByRole("heading", { name: "None is in this state" }).waitFor();
    expect(view.page.url()).toContain("state=failed");
    await view.close();
  });

  test("it is disabled, enabled, given a new secret and deleted", async () => {
    const { id } = await create("/states", { description: "short-lived" });
    const view = await openView(world, { at: `/setup/webhooks/${id}` });
    await button(view, "Disable").click();
    await view.page.getByRole("heading", { name: "It is told of nothing", exact: true }).waitFor();
    expect(await button(view, "Send a test").isDisabled()).toBe(true);
    await button(view, "Enable").click();
    await button(view, "Disable").waitFor();
    await button(view, "New secret").click();
    await button(view, "Make it").click();
    expect(await view.page.locator(".setup-secret").innerText()).toMatch(/^whsec_/);
    await view.page.getByText(/signs too until/).waitFor();
    await button(view, "Delete").click();
    await button(view, "Delete it").click();
    await view.page.getByRole("heading", { level: 1, name: "Webhooks" }).waitFor();
    await view.page.getByText("short-lived").waitFor({ state: "detached" });
    await view.close();
  });

  test("a template and a trigger are made; what is delivered starts a search, or is told why not", async () => {
    const view = await openView(world, { at: "/setup/triggers?new=template" });
    await view.page.getByLabel("Name", { exact: true }).fill("nightly");
    await view.page.getByLabel("Specification").fill('name: "{{ ref }}"\nbudget: [');
    await button(view, "Store the template").click();
    await view.page.getByText(/is no YAML/).waitFor();
    await view.page
      .getByLabel("Specification")
      .fill('name: "at {{ ref }}"\ndataset: { name: cifar10 }\nbudget: { gpuHours: 2 }\n');
    await button(view, "Store the template").click();
    await view.page.getByRole("cell", { name: "nightly" }).first().waitFor();

    await button(view, "New trigger").click();
    await view.page.getByLabel("Name", { exact: true }).fill("pushes");
    await view.page.getByLabel("Refs").fill("refs/heads/main, refs/tags/v*");
    await button(view, "Create the trigger").click();
    await view.page.getByText("Correct the marked field").waitFor();
    await view.page.getByLabel("Where ref is").fill("/ref");
    await view.isAccessible();
    await button(view, "Create the trigger").click();
    const secret = await view.page.locator(".setup-secret").innerText();
    await button(view, "I have stored it").click();
    await view.page.getByRole("heading", { level: 1, name: "pushes" }).waitFor();
    const url = await view.page.getByRole("region", { name: "How to set it up" }).locator("pre").innerText();
    expect(await view.page.getByRole("region", { name: "How to set it up" }).innerText()).toMatch(/Pushes/);

    expect(await push(url, secret, "refs/heads/main")).toBe(202);
    expect(await push(url, secret, "refs/heads/try")).toBe(200);
    const deliveries = view.page.getByRole("region", { name: "Deliveries" });
    await deliveries.getByText("refs/heads/try matches none of refs").waitFor();
    await deliveries.getByRole("link", { name: "at refs/heads/main" }).waitFor();
    await view.isAccessible();

    await button(view, "Disable").click();
    await button(view, "Enable").waitFor();
    expect(await push(url, secret, "refs/heads/main")).toBe(409);
    await button(view, "New secret").click();
    await button(view, "Make it").click();
    await view.page.locator(".setup-secret").waitFor();
    expect(await push(url, secret, "refs/heads/main")).toBe(401);
    await button(view, "Delete").click();
    await button(view, "Delete it").click();
    await view.page.getByText("Nothing starts a search by itself yet").waitFor();
    await view.page.getByRole("button", { name: "Delete nightly" }).click();
    await button(view, "Delete it").click();
    await view.page.getByRole("heading", { name: "No template yet" }).waitFor();
    await view.close();
  });

  test("a template of an earlier search starts by hand with its values", async () => {
    const view = await openView(world, { at: "/setup/triggers?new=template" });
    await view.page.getByLabel("Name", { exact: true }).fill("again");
    await view.page.getByLabel("Begin with what was searched").selectOption(world.supernet.id);
    await expect.poll(() => view.page.getByLabel("Specification").inputValue()).toContain("{{ name }}");
    await button(view, "Store the template").click();
    await view.page.getByRole("button", { name: "Start again" }).click();
    await view.page.getByRole("dialog").getByLabel("name").fill("by hand");
    await button(view, "Start it").click();
    await view.page.waitForURL(/#\/searches\/\w+$/);
    const [, id = ""] = /searches\/(\w+)$/.exec(view.page.url()) ?? [];
    const search = await (await world.edge.client.v1.searches[":id"].$get({ param: { id } })).json();
    expect(search.name).toBe("by hand");
    await view.close();
  });

  test("the list and a webhook suit all, in every look", async () => {
    const { id } = await create("/looks", { description: HOSTILE });
    const view = await openView(world, { size: "phone", at: "/setup/webhooks" });
    await view.page.getByRole("link", { name: HOSTILE }).first().waitFor();
    await view.suitsAll();
    await view.goTo(`/setup/webhooks/${id}`);
    await view.page.getByText("It was told of nothing yet").waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("one that is not there says so; a token that may not see them is told", async () => {
    const view = await openView(world, { at: "/setup/webhooks/none" });
    await view.page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await view.close();
    const { token } = await tokenWith(world, "searches:read");
    const other = await openView(world, { token, at: "/setup/webhooks" });
    await other.page.getByRole("heading", { name: "The token may not do this" }).waitFor();
    await other.close();
  });
});

let pushes = 0;

/** As GitHub delivers a push. @returns the status of the answer */
async function push(url: string, secret: string, ref: string): Promise<number> {
  const body = JSON.stringify({ ref, deleted: false, commits: [] });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-github-delivery": `delivery-${pushes++}`,
    "x-github-event": "push",
    "x-hub-signature-256": `sha256=${signature}`,
  };
  return (await fetch(url, { method: "POST", body, headers })).status;
}
