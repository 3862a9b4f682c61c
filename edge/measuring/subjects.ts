/** What devices are asked to measure of a specification's networks. */

import type { Genotype } from "../../shared/genotype.ts";
import { hashText } from "../../shared/hash.ts";
import { measuringVersion, type NetworkSubject } from "../../shared/measuring.ts";
import type { NetworkSize } from "../../shared/network.ts";
import { networkSizeOf, spaceOf } from "../../shared/networkCosts.ts";
import { predictableNames } from "../../shared/objectives.ts";
import { deviceObjectivesOf, type Specification } from "../../shared/specification.ts";

export interface WantedOfDevice {
  device: string;
  /** Names of objectives. */
  predictable: string[];
  direct: string[];
}

/** By device, what a search wants of it. */
export function wantedOf(specification: Pick<Specification, "objectives" | "evaluation">): WantedOfDevice[] {
  const byDevice = new Map<string, WantedOfDevice>();
  for (const { device, name } of deviceObjectivesOf(specification)) {
    const wanted = byDevice.get(device) ?? { device, predictable: [], direct: [] };
    (predictableNames.includes(name) ? wanted.predictable : wanted.direct).push(name);
    byDevice.set(device, wanted);
  }
  return [...byDevice.values()];
}

/** @param key names it in the report; its hash unless told */
export function networkSubject(
  specification: Specification,
  { genotype, hash, key = hash }: { genotype: Genotype; hash: string; key?: string },
): NetworkSubject {
  const { stem = "cifar", channels, layers, classes, image } = networkSizeOf(specification);
  const { skeleton } = spaceOf(specification);
  if (skeleton === "positions") throw new RangeError("a space of positions has no networks");
  return { key, kind: "network", genotype, hash, skeleton, stem, channels, layers, classes, image };
}

/** Names what a calibration is good for: networks of one space and size, measured in one way. */
export const calibrationKey = (specification: Specification, version = measuringVersion): string => {
  const { stem = "cifar", channels, layers, classes, image } = networkSizeOf(specification);
  const { height, width, channels: colours } = image;
  const size = [stem, channels, layers, classes, height, width, colours];
  return hashText(JSON.stringify([version, specification.space, ...size]));
};

export const calibratedSize = (specification: Specification): NetworkSize => networkSizeOf(specification);
