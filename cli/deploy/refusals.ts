/** What Cloudflare's refusals mean here, and what to do about each: one row per code. */

import { CliError, exitCodes } from "../errors.ts";

export interface Refusal {
  /** Cloudflare's number of the error. */
  code: number;
  message: string;
  /** What was asked for, from `/accounts` on. */
  path: string;
}

const TOKENS_PAGE = "https://dash.cloudflare.com/profile/api-tokens";

/** Permissions by the beginning of what follows the account in a path. */
const permissions: [start: string, permission: string][] = [
  ["/d1/", "Account > D1 > Edit"],
  ["/r2/", "Account > Workers R2 Storage > Edit"],
  ["/workers/", "Account > Workers Scripts > Edit"],
];

const permissionOf = (path: string): string =>
  permissions.find(([start]) => path.replace(/^\/accounts\/[^/]+/, "").startsWith(start))?.[1] ??
  "Account > Account Settings > Read";

interface Row {
  message: string;
  fix: (accountId: string) => string;
}

const noSubdomain: Row = {
  message: "The account has no workers.dev subdomain.",
  fix: (accountId) =>
    `Register one, once, at https://dash.cloudflare.com/${accountId}/workers/onboarding, then run this again.`,
};

const notFound: Row = {
  message: "Cloudflare finds nothing at this account.",
  fix: () => "Check CLOUDFLARE_ACCOUNT_ID: 32 digits and letters, shown on the dashboard's overview.",
};

const rows: Record<number, Row> = {
  7000: notFound,
  7003: notFound,
  7406: {
    message: "The account holds as many D1 databases as its plan allows.",
    fix: (accountId) =>
      `Delete one that is not used, or take the paid plan: https://dash.cloudflare.com/${accountId}/workers/plans.`,
  },
  10042: {
    message: "R2 is not enabled in this account.",
    fix: (accountId) =>
      `Enable it, once, at https://dash.cloudflare.com/${accountId}/r2/overview (it asks for a payment method, also for what is free), then run this again.`,
  },
  10063: noSubdomain,
};

/** Codes that say that the token was not accepted, for whatever reason. */
const authCodes = new Set([1000, 6003, 7403, 9106, 9109, 10000, 10001]);
const NO_SUCH_WORKER = 10007;

/** @param isTokenValid asked only where the code leaves open whether the token or its permissions are wrong */
export async function refusalOf(
  refusal: Refusal,
  accountId: string,
  isTokenValid: () => Promise<boolean>,
): Promise<CliError> {
  const { code, message, path } = refusal;
  if (authCodes.has(code)) {
    return (await isTokenValid()) ? forbidden(path) : invalidToken();
  }
  const row = code === NO_SUCH_WORKER && path.endsWith("/workers/subdomain") ? noSubdomain : rows[code];
  if (row !== undefined) return new CliError(row.message, row.fix(accountId));
  return new CliError(
    `Cloudflare refused ${path.replace(/^\/accounts\/[^/]+/, "")}: ${message} (code ${code}).`,
    "Run the same command again once that is mended; it goes on where it stopped.",
  );
}

const forbidden = (path: string): CliError =>
  new CliError(
    `The Cloudflare token lacks the permission "${permissionOf(path)}" for this account.`,
    `Add it at ${TOKENS_PAGE}, or check CLOUDFLARE_ACCOUNT_ID.`,
    exitCodes.unauthorised,
  );

const invalidToken = (): CliError =>
  new CliError(
    "Cloudflare does not accept the token.",
    `Set CLOUDFLARE_API_TOKEN to one that is valid (${TOKENS_PAGE}).`,
    exitCodes.unauthorised,
  );

/** The refusal that wrangler's output tells of, if any. */
export function refusalIn(output: string): Refusal | undefined {
  const [, message = "", code] = /^\s*(.*?)\s*\[code: (\d+)\]/m.exec(output) ?? [];
  const path = /Cloudflare API \((\S+)\) failed/.exec(output)?.[1] ?? "";
  return code === undefined ? undefined : { code: Number(code), message, path };
}
