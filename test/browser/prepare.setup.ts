/** Runs once before the tests of pages. */

import { hasNoChromium } from "./chromium.ts";
import { prepareState } from "./dashboard/state.ts";

export default async function prepare(): Promise<(() => void) | undefined> {
  return hasNoChromium() ? undefined : await prepareState();
}
