/** Every screenshot of the documentation: a page, a view of it or another look is one row here. */

import type { Page } from "playwright-core";

/** What addresses are made of. */
export interface Shown {
  /** A completed search on shared weights, with a final training. */
  search: string;
  /** Its best architecture, which was trained. */
  hash: string;
  /** A completed search on a table. */
  table: string;
}

export interface Shot {
  /** Of the file, without its ending. */
  name: string;
  /** In the app, as in its fragment. A page that is not there yet is left out. */
  address(shown: Shown): string;
  theme?: "light" | "dark";
  size?: "desktop" | "phone";
  /** Done before it is taken. */
  prepare?(page: Page): Promise<void>;
}

/** Brings the first picture onto the screen. */
const toPicture = (page: Page): Promise<void> =>
  page.locator(".picture-canvas").first().scrollIntoViewIfNeeded();

const search = ({ search: id }: Shown): string => `/searches/${id}`;

/** Shows the card of the candidate that is nearest to the middle of the first picture. */
async function hover(page: Page): Promise<void> {
  const box = await page.locator(".picture-canvas").first().boundingBox();
  if (box === null) return;
  const card = page.locator(".picture-card");
  for (let step = 0; step < 60 && !(await card.isVisible()); step++)
    await page.mouse.move(
      box.x + box.width * (0.25 + step * 0.01),
      box.y + box.height * (0.2 + (step % 10) * 0.05),
    );
}

export const shots: readonly Shot[] = [
  { name: "searches", address: () => "/searches" },
  { name: "searches-dark", address: () => "/searches", theme: "dark" },
  { name: "searches-phone", address: () => "/searches", size: "phone" },
  { name: "new-search", address: () => "/new" },
  { name: "front", address: (shown) => `${search(shown)}?view=front&architecture=${shown.hash}` },
  { name: "front-dark", address: (shown) => `${search(shown)}?view=front`, theme: "dark", prepare: hover },
  {
    name: "front-phone",
    address: (shown) => `${search(shown)}?view=front`,
    size: "phone",
    prepare: toPicture,
  },
  { name: "progress", address: (shown) => `${search(shown)}?view=progress` },
  { name: "objectives", address: (shown) => `${search(shown)}?view=objectives` },
  { name: "policy", address: (shown) => `${search(shown)}?view=policy` },
  { name: "timeline", address: (shown) => `${search(shown)}?view=timeline` },
  { name: "events", address: (shown) => `${search(shown)}?view=events` },
  { name: "choose", address: (shown) => `${search(shown)}/choose` },
  { name: "choose-phone", address: (shown) => `${search(shown)}/choose`, size: "phone" },
  { name: "architecture", address: (shown) => `${search(shown)}/architectures/${shown.hash}` },
  {
    name: "architecture-dark",
    address: (shown) => `${search(shown)}/architectures/${shown.hash}`,
    theme: "dark",
  },
  { name: "table", address: ({ table }) => `/searches/${table}?view=front` },
  { name: "money", address: () => "/money" },
  { name: "set-up", address: () => "/setup" },
  { name: "tokens", address: () => "/setup/tokens" },
  { name: "webhooks", address: () => "/setup/webhooks" },
  { name: "triggers", address: () => "/setup/triggers" },
  { name: "devices", address: () => "/setup/devices" },
  { name: "data", address: () => "/setup/data" },
];
