/** A real Chromium for tests, without a display; tests skip where there is none. */

import { existsSync } from "node:fs";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

// Tests run as root and in containers with a small /dev/shm.
const flags = ["--no-sandbox", "--disable-dev-shm-usage"];

/** WebGL and WebGPU in software, also where there is a GPU. */
const softwareGpuFlags = [
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

/**
 * @param gpu `software`: WebGL and WebGPU everywhere, at the price that also pages are drawn by compiling shaders for the
 *   CPU; `own`: what the machine has, pages drawn by the CPU where it has no GPU
 */
export const startChromium = (gpu: "software" | "own" = "software"): Promise<Browser> =>
  chromium.launch({
    executablePath: findChromium() ?? "chromium",
    args: [...flags, ...(gpu === "software" ? softwareGpuFlags : [])],
    headless: true,
  });
