/** Subjects and measurements in words. */

import type { BrowserBackend, Measured, Subject } from "../../shared/measuring.ts";
import type { Activity } from "./state.ts";

export const backendTitles: Record<BrowserBackend, string> = {
  webgpu: "WebGPU",
  webgl: "WebGL",
  wasm: "WebAssembly",
};

export function titleOf(subject: Subject): string {
  if (subject.kind === "network") return `Network ${subject.hash.slice(0, 8)}`;
  return subject.operation.replaceAll("_", " ");
}

export function detailOf(subject: Subject): string {
  const { height, width, channels } = subject.kind === "network" ? subject.image : subject.shape;
  const input = `${height} × ${width} × ${channels}`;
  if (subject.kind === "network") return `${subject.layers} cells, ${subject.channels} channels, ${input}`;
  return subject.stride === 1 ? `at ${input}` : `at ${input}, stride ${subject.stride}`;
}

const MEBIBYTE = 1024 ** 2;

/** By objective, a number and its unit as people read it. */
const formats: Record<string, { title: string; scale: number; unit: string }> = {
  latency: { title: "Latency", scale: 1, unit: "ms" },
  memory: { title: "Memory", scale: 1 / MEBIBYTE, unit: "MiB" },
  energy: { title: "Energy", scale: 1, unit: "mJ" },
};

const number = (value: number): string => (value >= 1000 ? String(Math.round(value)) : value.toPrecision(3));

export interface ValueText {
  title: string;
  value: string;
  /** Null where all that was taken is the same. */
  interval: string | null;
}

export function valueText(objective: string, { median, low, high }: Measured): ValueText {
  const { title, scale, unit } = formats[objective] ?? { title: objective, scale: 1, unit: "" };
  return {
    title,
    value: `${number(median * scale)} ${unit}`.trim(),
    interval: low === high ? null : `${number(low * scale)} to ${number(high * scale)}`,
  };
}

export const activityWords: Record<Activity, { title: string; detail: string }> = {
  connecting: { title: "Connecting", detail: "This device registers with its edge." },
  waiting: { title: "Waiting for work", detail: "Connected. The edge has nothing to measure right now." },
  measuring: {
    title: "Measuring",
    detail: "Leave the device alone meanwhile: other work on it shows in the times.",
  },
  reporting: { title: "Reporting", detail: "Sending the results." },
  hidden: {
    title: "Paused: this page is hidden",
    detail: "Browsers slow down hidden pages, so times would be wrong. It goes on when you come back.",
  },
  offline: { title: "Connection lost", detail: "Trying again by itself. Nothing that was reported is lost." },
};
