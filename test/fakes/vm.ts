/** What the fakes of providers of virtual machines have in common: they read cloud-init back, and offer by type and region. */

import { parse } from "yaml";
import type { FakeCloud, FakeOffer } from "./cloud.ts";

export interface ToldMachine {
  image: string;
  env: Record<string, string>;
  lifetimeSeconds: number;
}

interface Settings {
  write_files: { path: string; owner: string; permissions: string; content: string }[];
  runcmd: string[][];
}

/** What a machine makes of its cloud-init. */
export function readCloudInit(userData: string): ToldMachine {
  if (!userData.startsWith("#cloud-config\n")) throw new Error("it is no cloud-init");
  const { write_files: files, runcmd }: Settings = parse(userData, { version: "1.1" });
  const timer = runcmd.flat().find((word) => word.startsWith("--on-active="));
  const started = runcmd.flat().at(-1);
  const script = files.find(({ path }) => path === started)?.content ?? "";
  const [, envFile, image = ""] = /^docker run .*--env-file (\S+) (\S+)$/m.exec(script) ?? [];
  const lines = (files.find(({ path }) => path === envFile)?.content ?? "").split("\n");
  const env = Object.fromEntries(
    lines
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  return { image, env, lifetimeSeconds: Number(timer?.replace(/\D/g, "")) };
}

/** Offers of the same kind of machine, in whichever regions. */
export interface MachineType {
  name: string;
  gpu: string;
  gpuMemoryGb: number;
  priceUsdPerHour: number;
  offers: FakeOffer[];
}

/** @param nameOf the type's name; `same` counts those of the same GPU before it */
export function machineTypes(
  { offers }: FakeCloud,
  nameOf: (offer: FakeOffer, same: number) => string,
): MachineType[] {
  const types: MachineType[] = [];
  for (const offer of offers) {
    const { gpu, gpuMemoryGb, priceUsdPerHour } = offer;
    const sameGpu = types.filter((type) => type.gpu === gpu);
    const known = sameGpu.find(
      (type) => type.gpuMemoryGb === gpuMemoryGb && type.priceUsdPerHour === priceUsdPerHour,
    );
    if (known === undefined)
      types.push({ name: nameOf(offer, sameGpu.length), gpu, gpuMemoryGb, priceUsdPerHour, offers: [offer] });
    else known.offers.push(offer);
  }
  return types;
}

/** Where some are free, each once. */
export const regionsOf = ({ offers }: MachineType): string[] => [
  ...new Set(offers.filter(({ capacity }) => capacity > 0).map(({ location }) => location)),
];

/** `RTX 4000 Ada` as `rtx4000_ada`. */
export const modelOf = (gpu: string): string =>
  gpu.toLowerCase().replace(/^rtx /, "rtx").replaceAll(" ", "_");
