/**
 * What results depend on besides the network, as far as a browser tells: all of it is what any page can read. Versions
 * are the first number only, because an update of the browser comes every few days and would make another device.
 */

import type { Fingerprint } from "../../shared/measuring.ts";

interface UserAgentData {
  mobile: boolean;
  getHighEntropyValues(hints: string[]): Promise<{
    platform?: string;
    platformVersion?: string;
    model?: string;
    architecture?: string;
    bitness?: string;
    brands?: { brand: string; version: string }[];
  }>;
}

const LONGEST = 200;

/** By the name in a user agent's text, the name for people; the first that is there counts. */
const browsers: [token: RegExp, name: string][] = [
  [/Edg(?:A|iOS)?\/(\d+)/, "Edge"],
  [/(?:OPR|Opera)\/(\d+)/, "Opera"],
  [/SamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/Version\/(\d+).*Safari/, "Safari"],
];

const platforms: [token: RegExp, name: string][] = [
  [/Android (\d+)/, "Android"],
  [/(?:iPhone|CPU) OS (\d+)/, "iOS"],
  [/Mac OS X (\d+)/, "macOS"],
  [/Windows NT (\d+)/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** The first row of a table that a text has, with its version. */
function named(table: typeof browsers, text: string): string | undefined {
  for (const [token, name] of table) {
    const match = token.exec(text);
    if (match !== null) return [name, match[1]].filter(Boolean).join(" ");
  }
  return undefined;
}

export async function readFingerprint(): Promise<Fingerprint> {
  const { userAgent, hardwareConcurrency } = navigator;
  const data = (navigator as { userAgentData?: UserAgentData }).userAgentData;
  const hints = ["platformVersion", "model", "architecture", "bitness"];
  const told = (await data?.getHighEntropyValues(hints).catch(() => undefined)) ?? {};
  const platform =
    told.platform === undefined
      ? (named(platforms, userAgent) ?? "unknown")
      : [told.platform, told.platformVersion?.split(".")[0]].filter(Boolean).join(" ");
  const processor = [told.architecture, told.bitness && `${told.bitness} bit`].filter(Boolean).join(", ");
  return {
    platform: [platform, told.model].filter(Boolean).join(", ").slice(0, LONGEST),
    processor: (processor || "unknown").slice(0, LONGEST),
    cores: Math.max(1, hardwareConcurrency || 1),
    gpu: webglRenderer()?.slice(0, LONGEST) ?? null,
    runtime: (named(browsers, userAgent) ?? userAgent).slice(0, 400),
  };
}

/** The GPU as WebGL calls it; null where there is no WebGL, or it does not tell. */
function webglRenderer(): string | null {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  if (gl === null) return null;
  const extension = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = gl.getParameter(extension?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER);
  // Browsers allow few contexts at a time.
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return typeof renderer === "string" && renderer !== "" ? renderer : null;
}
