/** Cloud-init for a launch, for the providers of virtual machines. */

import type { ProviderName } from "../../shared/specification.ts";
import { cloudInit } from "../rentals/cloudInit.ts";
import { type LaunchRequest, ProviderError } from "./provider.ts";

/** @throws ProviderError where the request cannot be told by cloud-init */
export function userDataOf(provider: ProviderName, { image, env, lifetimeSeconds }: LaunchRequest): string {
  try {
    return cloudInit({ image, env, lifetimeSeconds });
  } catch (error) {
    if (error instanceof RangeError) throw new ProviderError(provider, "invalid", `launch: ${error.message}`);
    throw error;
  }
}
