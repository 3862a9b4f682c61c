/**
 * Links to a network that somebody's service is asked about: they open that one file for some hours, without a token. What
 * they name is signed with a key that HKDF derives from the deployment's secret, so nothing else can be read with one.
 */

import type { NetworkSubject } from "../../shared/measuring.ts";
import { isoTime } from "../app.ts";
import type { Env } from "../env.ts";
import { Problem } from "../problems.ts";
import { addressOf } from "../rentals/setUp.ts";
import { isStamped, stamp } from "../secrets.ts";
import { findMeasurement } from "../store/measurements.ts";

const validMs = 12 * 3_600_000;

export const modelFiles = ["model.onnx", "model.json", "weights.bin"] as const;
export type ModelFile = (typeof modelFiles)[number];

export interface ModelLinks {
  onnx: string;
  /** For `tf.loadGraphModel`, which finds the weights beside it. */
  tfjs: string;
  validUntil: string;
}

/** Where the network of a measurement can be had; null where the deployment does not know its own address. */
export async function modelLinks(
  env: Env,
  { measurementId, key }: { measurementId: string; key: string },
  now: number,
): Promise<ModelLinks | null> {
  const address = await addressOf(env);
  if (address === "") return null;
  const expiresAt = now + validMs;
  const named = `${measurementId}.${key}.${Math.floor(expiresAt / 1000)}`;
  const base = `${address.replace(/\/$/, "")}/v1/models/${named}.${await stamp(env, named)}`;
  return { onnx: `${base}/model.onnx`, tfjs: `${base}/model.json`, validUntil: isoTime(expiresAt) };
}

/** The network that a link opens. @throws Problem `not-found` where it was changed, is over, or its search is gone */
export async function linkedNetwork(env: Env, link: string, now: number): Promise<NetworkSubject> {
  const [measurementId = "", key = "", seconds = "", signature = ""] = link.split(".");
  const isGenuine = await isStamped(env, `${measurementId}.${key}.${seconds}`, signature);
  if (!isGenuine) throw new Problem("not-found", "This link is not one of this deployment's.");
  if (Number(seconds) * 1000 <= now)
    throw new Problem("not-found", `This link was valid until ${isoTime(Number(seconds) * 1000)}.`);
  const measurement = await findMeasurement(env.DB, measurementId);
  const subject = measurement?.subjects.find((one) => one.key === key);
  if (subject?.kind !== "network") throw new Problem("not-found", "The search of this link was deleted.");
  return subject;
}
