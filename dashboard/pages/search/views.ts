/** The views of a search: each is one row here and one lazy import, and says what the search did in another way. */

import type { ComponentType } from "preact";
import type { Search } from "../../app/api.ts";

export interface ViewProps {
  id: string;
  search: Search;
}

export interface View {
  /** In the address. */
  name: string;
  title: string;
  load(): Promise<{ default: ComponentType<ViewProps> }>;
}

export const views: readonly View[] = [
  { name: "front", title: "Front", load: () => import("./views/front.tsx") },
  { name: "progress", title: "Progress", load: () => import("./views/progress.tsx") },
  { name: "events", title: "Events", load: () => import("./views/events.tsx") },
];
