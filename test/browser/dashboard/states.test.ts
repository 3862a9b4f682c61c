/** What each page does when its connection is lost, and when its token is not valid any more. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFront } from "../../../cli/api.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

interface Shown {
  id: string;
  name: string;
  hash: string;
}

interface Row {
  what: string;
  address(shown: Shown): string;
  title(shown: Shown): string;
}

const setUp = (what: string, path = `/${what}`): Row => ({
  what,
  address: () => `/setup${path}`,
  title: () => `${what.charAt(0).toUpperCase()}${what.slice(1)}`,
});

const rows: Row[] = [
  { what: "a search", address: ({ id }) => `/searches/${id}`, title: ({ name }) => name },
  { what: "choosing", address: ({ id }) => `/searches/${id}/choose`, title: () => "Choose an architecture" },
  {
    what: "an architecture",
    address: ({ id, hash }) => `/searches/${id}/architectures/${hash}`,
    title: ({ hash }) => hash,
  },
  { what: "money", address: () => "/money", title: () => "Money" },
  setUp("set-up", ""),
  setUp("tokens"),
  setUp("webhooks"),
  setUp("triggers"),
  setUp("devices"),
  setUp("data and providers", "/data"),
];

describe.skipIf(hasNoChromium())("the page of", () => {
  let world: World;
  let shown: Shown;

  beforeAll(async () => {
    world = await startWorld();
    const { id, name } = world.trained;
    const [row] = await readFront(world.edge.client, id);
    shown = { id, name, hash: row?.hash ?? "" };
  });
  afterAll(() => world?.stop());

  /** As when the tab is seen again: pages ask for what is new. */
  const renew = ({ page }: View) => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  const heading = ({ page }: View, name: string) =>
    page.getByRole("heading", { level: 1, name, exact: true });
  const isLoaded = async (view: View, name: string) => {
    await heading(view, name).waitFor();
    await view.page.locator("main .loading").first().waitFor({ state: "detached" });
  };

  test.each(rows)(
    "$what keeps what it shows while the connection is lost, and goes on with another token where its own is revoked",
    async ({ address, title }) => {
      const name = title(shown);
      const { id, token } = await tokenWith(world, "admin");
      const view = await openView(world, { token, at: address(shown) });
      const { page } = view;
      await isLoaded(view, name);

      await view.context.setOffline(true);
      await renew(view);
      await page.getByText("Connection lost.").waitFor();
      expect(await heading(view, name).isVisible()).toBe(true);
      await view.isAccessible();
      await view.context.setOffline(false);
      await page.getByText("Connection lost.").waitFor({ state: "detached" });

      await world.edge.client.v1.tokens[":id"].$delete({ param: { id } });
      await renew(view);
      await page.getByRole("heading", { name: "The token is not accepted any more" }).waitFor();
      expect(await heading(view, name).isVisible()).toBe(false);
      await page.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
      await page.getByRole("button", { name: "Use this token" }).click();
      await isLoaded(view, name);
      await view.close();
    },
  );
});
