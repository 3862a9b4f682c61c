/**
 * The link that makes a browser a measuring device: the page /device with a name and a token behind the `#`, which
 * browsers do not send. The same as `nasturtium device --link` makes (cli/deviceLink.ts). Pure.
 */

import type { BrowserBackend } from "../../../shared/measuring.ts";

export interface LinkFields {
  origin: string;
  token: string;
  name: string;
  /** Empty: the fastest that works. */
  backend: BrowserBackend | "";
}

export function deviceLink({ origin, token, name, backend }: LinkFields): string {
  const fragment = new URLSearchParams({ token, name, ...(backend !== "" && { backend }) });
  return `${origin}/device#${fragment}`;
}

/** What another device needs to reach this address; null where nothing is in its way. */
export function reachHint(origin: string): string | null {
  const { protocol, hostname, port } = new URL(origin);
  if (/^(?:localhost|127\.|\[::1\])/.test(hostname))
    return `Only this machine reaches ${hostname}. For a phone on a cable: adb reverse tcp:${port} tcp:${port}`;
  if (protocol === "https:") return null;
  return "Over http browsers have no WebGPU and only a coarse clock; use https.";
}

/** The dark modules of a code as the path of an SVG, a unit each. */
export const modulePath = (data: readonly (readonly boolean[])[]): string =>
  data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
