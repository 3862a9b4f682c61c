/** The browser's clock. Browsers coarsen it, more so on pages that are not isolated, so its step is measured. */

import type { DeviceBackend } from "../../device/backend.ts";
import { clockStepMs } from "../../device/measure.ts";

export function browserClock(): DeviceBackend["clock"] {
  const nowMs = () => performance.now();
  return { name: `performance.now in steps of ${stepText(clockStepMs(nowMs))}`, nowMs };
}

/** For people: `5 µs`, `1 ms`. */
const stepText = (ms: number): string =>
  ms < 0.95 ? `${Number((ms * 1000).toPrecision(2))} µs` : `${Number(ms.toPrecision(2))} ms`;
