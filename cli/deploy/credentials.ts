/** Whom Cloudflare takes us for: a token of the environment (as in CI), else wrangler's login. */

import { z } from "zod";
import { badInput, CliError, exitCodes } from "../errors.ts";
import { Cloudflare } from "./cloudflare.ts";
import type { Workspace } from "./wrangler.ts";

const loginSchema = z.looseObject({ type: z.string(), token: z.string() });

/** @throws CliError naming what to set */
export async function connect(workspace: Workspace, signal: AbortSignal): Promise<Cloudflare> {
  const token = process.env.CLOUDFLARE_API_TOKEN || (await loginToken(workspace));
  const accountId = process.env.CLOUDFLARE_ACCOUNT_ID || (await onlyAccount(token, signal));
  workspace.useEnv({ CLOUDFLARE_ACCOUNT_ID: accountId });
  return new Cloudflare(token, accountId, signal);
}

async function loginToken(workspace: Workspace): Promise<string> {
  const { output } = await workspace.wrangler(["auth", "token", "--json"]);
  const json = /\{.*\}/s.exec(output)?.[0];
  const login = json === undefined ? undefined : loginSchema.safeParse(JSON.parse(json));
  if (login?.success) return login.data.token;
  throw new CliError(
    "Nothing says who you are at Cloudflare.",
    "Set CLOUDFLARE_API_TOKEN (docs/deploy.md says which permissions it needs), or run `npm run wrangler -- login`.",
    exitCodes.unauthorised,
  );
}

async function onlyAccount(token: string, signal: AbortSignal): Promise<string> {
  const accounts = await new Cloudflare(token, "", signal).accounts();
  const [only, ...others] = accounts;
  if (only !== undefined && others.length === 0) return only.id;
  throw badInput(
    accounts.length === 0
      ? "The token does not say which account it is for."
      : `The token reaches several accounts: ${accounts.map(({ id, name }) => `${name} (${id})`).join(", ")}.`,
    "Set CLOUDFLARE_ACCOUNT_ID to the account's id, which the dashboard's overview shows.",
  );
}
