/** A budget as a bar: what is spent, then what is set aside. */

import { money } from "../../ui/format.ts";

interface UsedBarProps {
  label: string;
  spent: number;
  reserved: number;
  cap: number;
}

const nearlyFull = 0.8;

export function UsedBar({ label, spent, reserved, cap }: UsedBarProps) {
  const share = (value: number): number => (cap > 0 ? Math.min(1, Math.max(0, value / cap)) : 1);
  const [solid, all] = [share(spent), share(spent + reserved)];
  const tone = all >= 1 ? "bad" : all >= nearlyFull ? "warn" : "";
  return (
    <svg
      class={`used-bar ${tone}`}
      role="img"
      aria-label={`${label}: ${Math.round(100 * solid)} % spent, ${Math.round(100 * (all - solid))} % set aside, of ${money(cap)}`}
    >
      <rect class="whole" width="100%" height="100%" rx="5" />
      <rect class="reserved" width={`${100 * all}%`} height="100%" rx="5" />
      <rect class="spent" width={`${100 * solid}%`} height="100%" rx="5" />
    </svg>
  );
}
