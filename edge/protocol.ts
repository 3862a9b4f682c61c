/**
 * Which runners are understood. Each of their requests tells the version of the protocol that they speak, so that one
 * that registered before the Worker changed is refused with its next request, before anything of it is read.
 */

import type { Context, MiddlewareHandler } from "hono";
import {
  oldestProtocolVersion,
  protocolHeader,
  protocolVersion,
  untoldProtocolVersion,
} from "../shared/protocol.ts";
import type { AppEnv } from "./env.ts";
import { Problem } from "./problems.ts";

interface Understood {
  oldest: number;
  newest: number;
}

const understoodHere: Understood = { oldest: oldestProtocolVersion, newest: protocolVersion };

/** Why a runner of this version is refused and which side to update; undefined where it is understood. */
export function mismatchOf(version: number, { oldest, newest } = understoodHere): string | undefined {
  if (version >= oldest && version <= newest) return undefined;
  const range = oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`;
  const what = `The runner speaks version ${version} of the protocol, this deployment ${range}.`;
  return version > newest
    ? `${what} The Worker is too old: deploy it from the runner's version (\`npm run wrangler -- deploy\`), or start a runner of the deployed one.`
    : `${what} The runner is too old: update it (\`git pull\` in its checkout, or pull or build its image anew) and start it again.`;
}

/** Throws `protocol-mismatch`. */
export function assertUnderstood(version: number): void {
  const mismatch = mismatchOf(version);
  if (mismatch !== undefined) throw new Problem("protocol-mismatch", mismatch);
}

/** The version that the runner of a request speaks. */
export const spoken = (c: Context<AppEnv>): number =>
  Number(c.req.header(protocolHeader) ?? untoldProtocolVersion);

/** A route that only understood runners may use. */
export const understood: MiddlewareHandler<AppEnv> = async (c, next) => {
  assertUnderstood(spoken(c));
  await next();
};
