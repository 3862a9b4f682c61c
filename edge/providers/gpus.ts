/**
 * Every provider writes the same GPU in its own way: `NVIDIA GeForce RTX 4090`, `RTX 6000Ada`, `gpu_1x_a10`,
 * `gpu-h100x1-80gb`. Specifications have one name for each, the model alone: its form factor and memory are not told
 * apart by name. Pure.
 */

import { closestName } from "../../shared/suggest.ts";

/** Words that tell no model: makers, families, form factors, editions, counts, sizes of memory. */
const noise =
  /^(nvidia|amd|geforce|instinct|tesla|quadro|q|gpu|\d+x|pcie|sxm\d*|nvl|hbm\d*[a-z]?|fhhl|oam|sff|\d+gb|generation|blackwell|server|workstation|edition|max|ws|laptop)$/;
/** Models that are written with RTX before them. */
const rtxModel = /^(a[2456]\d00|[2-9]\d{3}|pro)$/;
const ways: Record<string, string> = { ada: "Ada", ti: "Ti", super: "Super", pro: "PRO" };
const nearby = 3;

/** The name that specifications use. */
export function gpuName(providersName: string): string {
  const words = providersName
    .toLowerCase()
    // A size of DigitalOcean's: gpu-h100x1-80gb.
    .replace(/^gpu-([a-z0-9]+?)x\d+-\d+gb.*$/, "$1")
    .split(/[\s_-]+/)
    .flatMap((word) => word.replace(/^(rtx|gtx)(?=\w)/, "$1 ").split(" "))
    .flatMap((word) => word.replace(/^(\d{4})(ada|s|ti)$/, "$1 $2").split(" "));
  const isPro = words.includes("pro");
  const model = words
    .filter((word) => word !== "" && !noise.test(word) && word !== "q" && !(isPro && word === "s"))
    .map((word) => (word === "s" ? "super" : word))
    .map((word) => (/^mi3\d\d$/.test(word) ? `${word}x` : word));
  const first = model[0];
  if (first !== undefined && rtxModel.test(first)) model.unshift("rtx");
  return model.map((word) => ways[word] ?? word.toUpperCase()).join(" ");
}

/** Whether a specification's names, however written, include a provider's; without them all do. */
export function wantsGpu(wanted: readonly string[] | undefined, gpu: string): boolean {
  return wanted?.some((name) => gpuName(name) === gpu) ?? true;
}

/**
 * What a name that nobody offers may have meant, nearest first.
 *
 * @example nearestGpus("RTX 409O", ["RTX 4090", "A10"]) // ["RTX 4090"]
 */
export function nearestGpus(name: string, known: Iterable<string>): string[] {
  const candidates = new Set(known);
  const nearest: string[] = [];
  while (nearest.length < nearby) {
    const closest = closestName(gpuName(name), [...candidates]);
    if (closest === undefined) break;
    nearest.push(closest);
    candidates.delete(closest);
  }
  return nearest;
}
