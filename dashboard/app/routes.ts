/** Every page of the app: a page is one row here and one lazy import, so that none is loaded before it is asked for. */

import type { ComponentType } from "preact";

export interface PageProps {
  /** What the address names, such as `id` of `/searches/:id`. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
}

export interface Route {
  path: string;
  /** The entry of the navigation that it belongs to. */
  section: "searches" | "money" | "set-up";
  load(): Promise<{ default: ComponentType<PageProps> }>;
}

export const routes: readonly Route[] = [
  { path: "/searches", section: "searches", load: () => import("../pages/searches/page.tsx") },
  { path: "/searches/:id", section: "searches", load: () => import("../pages/search/page.tsx") },
  { path: "/new", section: "searches", load: () => import("../pages/newSearch/page.tsx") },
  { path: "/money", section: "money", load: () => import("../pages/money/page.tsx") },
  { path: "/setup", section: "set-up", load: () => import("../pages/setup/overview.tsx") },
  { path: "/setup/tokens", section: "set-up", load: () => import("../pages/setup/tokens.tsx") },
  { path: "/setup/webhooks", section: "set-up", load: () => import("../pages/setup/webhooks.tsx") },
  { path: "/setup/webhooks/:id", section: "set-up", load: () => import("../pages/setup/webhook.tsx") },
  { path: "/setup/triggers", section: "set-up", load: () => import("../pages/setup/triggers.tsx") },
  { path: "/setup/triggers/:id", section: "set-up", load: () => import("../pages/setup/trigger.tsx") },
  { path: "/setup/devices", section: "set-up", load: () => import("../pages/setup/devices.tsx") },
  { path: "/setup/devices/:name", section: "set-up", load: () => import("../pages/setup/device.tsx") },
  { path: "/setup/data", section: "set-up", load: () => import("../pages/setup/data.tsx") },
  { path: "/searches/:id/choose", section: "searches", load: () => import("../pages/choose/page.tsx") },
  {
    path: "/searches/:id/architectures/:hash",
    section: "searches",
    load: () => import("../pages/architecture/page.tsx"),
  },
];

/** The navigation; an entry shows once there is a page at its address. */
export const sections = [
  { name: "searches", title: "Searches", path: "/searches" },
  { name: "money", title: "Money", path: "/money" },
  { name: "set-up", title: "Set-up", path: "/setup" },
] as const;

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** The route of a path; null where there is none. */
export function matchOf(path: string): Match | null {
  const parts = path.split("/");
  for (const route of routes) {
    const pattern = route.path.split("/");
    if (pattern.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const isMatch = pattern.every((part, index) => {
      const given = parts[index] ?? "";
      if (!part.startsWith(":")) return part === given;
      params[part.slice(1)] = decoded(given);
      return given !== "";
    });
    if (isMatch) return { route, params };
  }
  return null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
