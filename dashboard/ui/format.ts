/** Numbers, money, times and sizes as people read them. What is missing is a dash, what is huge is short. Pure. */

import { costClasses } from "../../shared/objectives.ts";

export const missing = "–";

type Given = number | null | undefined;

const isMissing = (value: Given): value is null | undefined => value == null || Number.isNaN(value);

const shortScales: readonly [least: number, divisor: number, suffix: string][] = [
  [1e15, 0, ""],
  [1e12, 1e12, " T"],
  [1e9, 1e9, " G"],
  [1e6, 1e6, " M"],
  [1e5, 1e3, " k"],
];

/** To so many digits: `2.41 M`, `99,300`, `0.503`, `1.20e+21`. */
export function number(value: Given, digits = 3): string {
  if (isMissing(value)) return missing;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  // 999,999 is 1 M, not 1,000 k.
  const rounded = size < 1e5 ? size : Number(size.toPrecision(Math.max(3, digits)));
  const [, divisor = 1, suffix = ""] = shortScales.find(([least]) => rounded >= least) ?? [];
  if (divisor === 0 || (size > 0 && size < 1e-4)) return signed(value.toExponential(digits - 1));
  const scaled = value / divisor;
  return `${signed(grouped(scaled, Math.max(digits, wholeDigits(scaled))))}${suffix}`;
}

/** Short, and alike along an axis: `5,000`, `80 k`, `120 k`. */
function atAxis(value: number): string {
  const size = Math.abs(value);
  return size >= 1e4 && size < 1e6 ? `${number(value / 1e3)} k` : number(value);
}

/** Every digit of a whole number, grouped. */
export const whole = (value: Given): string =>
  isMissing(value) ? missing : Number.isFinite(value) ? grouped(Math.round(value), 21) : number(value);

/** `$0.42`, `$1,204`, `$3.1 M`, `under $0.01`. */
export function money(usd: Given): string {
  if (isMissing(usd)) return missing;
  const size = Math.abs(usd);
  const sign = usd < 0 ? "−" : "";
  if (!Number.isFinite(usd) || size >= 1e6) return `${sign}$${number(size)}`;
  if (size > 0 && size < 0.01) return `under ${sign}$0.01`;
  const places = size >= 1000 ? 0 : 2;
  return `${sign}$${size.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places })}`;
}

/** `48 s`, `12 min`, `3 h 20 min`, `4 d 2 h`. */
export function duration(seconds: Given): string {
  if (isMissing(seconds)) return missing;
  if (!Number.isFinite(seconds)) return "∞";
  if (seconds < 0.0995) return `${number(seconds * 1000, 2)} ms`;
  if (seconds < 60) return `${number(seconds, 2)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, "h", minutes % 60, "min");
  const days = Math.floor(hours / 24);
  return days > 9999 ? `${number(days)} d` : joined(days, "d", hours % 24, "h");
}

const joined = (large: number, unit: string, small: number, smaller: string): string =>
  small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`;

const sizes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value: Given): string {
  if (isMissing(value)) return missing;
  if (!Number.isFinite(value)) return "∞";
  const power = value < 1 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(value) / 10));
  return `${number(value / 1024 ** power)} ${sizes[power]}`;
}

/** Of a share from 0 to 1. */
export const percent = (share: Given, digits = 2): string =>
  isMissing(share) ? missing : `${number(share * 100, digits)} %`;

/** `Mar 2, 09:30`, with the year where it is another. */
export function time(value: string | number | null | undefined, now = Date.now()): string {
  if (value == null) return missing;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return missing;
  const isThisYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleString("en-US", {
    ...(isThisYear ? {} : { year: "numeric" }),
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}

/** `just now`, `12 min ago`, `in 3 h`. */
export function ago(value: string | number | null | undefined, now = Date.now()): string {
  if (value == null) return missing;
  const seconds = (now - new Date(value).getTime()) / 1000;
  if (Number.isNaN(seconds)) return missing;
  if (Math.abs(seconds) < 10) return "just now";
  const text = duration(Math.abs(seconds)).split(" ").slice(0, 2).join(" ");
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

interface Unit {
  title: string;
  unit: string;
  format(value: Given): string;
  /** Along an axis. */
  axis(value: number): string;
}

const plain = { format: (value: Given): string => number(value), axis: atAxis };

/** By a unit of shared/objectives.ts: what follows the figure, and how that is written. */
const looks: Readonly<Record<string, Omit<Unit, "title">>> = {
  percent: { unit: "%", ...plain },
  bytes: { unit: "", format: bytes, axis: bytes },
  ms: { unit: "ms", ...plain },
  mJ: { unit: "mJ", ...plain },
};

const unitNames: ReadonlyMap<string, string> = new Map(
  Object.values(costClasses).flatMap(({ units }) => Object.entries(units)),
);

const titles: ReadonlyMap<string, string> = new Map([
  ["accuracy", "Accuracy"],
  ["parameters", "Parameters"],
  ["macs", "MACs"],
  ["activationBytes", "Activations"],
  ["modelBytes", "Model size"],
  ["memory", "Memory"],
  ["latency", "Latency"],
  ["energy", "Energy"],
]);

/** `Parameters` as it stands within a sentence; `MACs` stays. */
export function lowerTitle(objectiveId: string): string {
  const { title } = unitOf(objectiveId);
  return /^[A-Z]{2}/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1);
}

/** How an objective is told: by id, `latency.phone-lab` too; one of a table that nothing is known of by its own name. */
export function unitOf(objective: string): Unit {
  const [name = "", ...device] = objective.split(".");
  const title = titles.get(name) ?? name;
  const look = looks[unitNames.get(name) ?? ""] ?? { unit: "", ...plain };
  return { title: device.length === 0 ? title : `${title} on ${device.join(".")}`, ...look };
}

/** An objective's value with its unit: `61.4 %`, `2.41 M`, `8.2 ms`. */
export function measured(objective: string, value: Given): string {
  const { unit, format } = unitOf(objective);
  return isMissing(value) || unit === "" ? format(value) : `${format(value)} ${unit}`;
}

/** `sep_conv_3x3` as `sep conv 3×3`. */
export const operationName = (name: string): string =>
  name.replaceAll("_", " ").replace(/(\d)x(\d)/g, "$1×$2");

/** The same on a drawing: `sep 3×3`, `max 5×5`, `skip`. */
export const operationLabel = (name: string): string =>
  operationName(name)
    .replace(/^nor /, "")
    .replace(/^(sep|dil) conv /, "$1 ")
    .replace(/^(max|avg) pool /, "$1 ")
    .replace(/^skip connect$/, "skip");

const wholeDigits = (value: number): number => String(Math.trunc(Math.abs(value))).length;

/** Made once for each count of digits: making one takes a hundred times as long as using it. */
const formats = new Map<number, Intl.NumberFormat>();

function grouped(value: number, digits: number): string {
  const most = Math.min(21, digits);
  const known = formats.get(most);
  const format = known ?? new Intl.NumberFormat("en-US", { maximumSignificantDigits: most });
  if (known === undefined) formats.set(most, format);
  return format.format(value);
}

const signed = (text: string): string => text.replace(/^-/, "−");
