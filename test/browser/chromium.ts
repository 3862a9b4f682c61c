/** A real Chromium for tests, without a display and with the GPU in software; tests skip where there is none. */

import { existsSync } from "node:fs";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

const flags = [
  // Tests run as root and in containers with a small /dev/shm.
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

/** What NASTURTIUM_CHROMIUM names, else the first on the path; undefined where there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.NASTURTIUM_CHROMIUM) return env.NASTURTIUM_CHROMIUM;
  const folders = (env.PATH ?? "").split(path.delimiter);
  const files = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return files.find((file) => existsSync(file));
}

/** For `describe.skipIf`: says once why nothing is tested. */
export function hasNoChromium(): boolean {
  if (findChromium() !== undefined) return false;
  console.warn(
    "No Chromium here: tests in a browser are skipped. Install it, or name it by NASTURTIUM_CHROMIUM.",
  );
  return true;
}

export const startChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: findChromium() ?? "chromium", args: flags, headless: true });
