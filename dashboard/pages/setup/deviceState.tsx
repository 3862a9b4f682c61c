/** Whether a device is believed. */

import { Badge } from "../../ui/controls.tsx";
import type { Device } from "./types.ts";

export function DeviceState({ state, problem }: Pick<Device, "state" | "problem">) {
  if (state === "quarantined") return <Badge tone="bad">quarantined</Badge>;
  return problem === null ? <Badge tone="good">active</Badge> : <Badge tone="warn">odd</Badge>;
}
