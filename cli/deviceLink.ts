/**
 * A link that makes a browser a measuring device, for `nasturtium device --link`: the page `/device` of the edge with a
 * name and a new token behind the `#`, which browsers do not send, as a link and as a code for a phone's camera.
 */

import { styleText } from "node:util";
import { renderUnicodeCompact } from "uqr";
import { type BrowserBackend, deviceNameSchema } from "../shared/measuring.ts";
import { createToken } from "./api.ts";
import type { EdgeClient } from "./client.ts";
import type { Context } from "./command.ts";
import { badInput } from "./errors.ts";

export interface DeviceLinkOptions {
  name: string;
  /** Without it the browser takes the fastest that works. */
  backend?: BrowserBackend | undefined;
  /** When the token ends, ISO 8601; never without it. */
  expiresAt?: string | undefined;
}

export interface DeviceLink {
  url: string;
  name: string;
  /** For `nasturtium tokens revoke`. */
  tokenId: string;
}

/** Creates a token that may do nothing but measure, and the link that holds it. @throws CliError for a name that none can have */
export async function createDeviceLink(client: EdgeClient, options: DeviceLinkOptions): Promise<DeviceLink> {
  const { name, backend, expiresAt } = options;
  if (!deviceNameSchema.safeParse(name).success)
    throw badInput(
      `"${name}" cannot be the name of a device.`,
      "Use lower-case letters, digits and hyphens, at most 63.",
    );
  const { id, token } = await createToken(client, {
    name: `device ${name}`,
    scopes: ["device"],
    ...(expiresAt !== undefined && { expiresAt }),
  });
  const fragment = new URLSearchParams({ token, name, ...(backend !== undefined && { backend }) });
  return { url: `${client.edge}/device#${fragment}`, name, tokenId: id };
}

/** The link and its code, and what to know about them. */
export function deviceLinkText({ url, name, tokenId }: DeviceLink): string {
  const { protocol, hostname, port } = new URL(url);
  return [
    // Dark on light whatever the terminal's colours are: some cameras read nothing else.
    ...renderUnicodeCompact(url, { border: 2 })
      .split("\n")
      .map((line) => styleText(["whiteBright", "bgBlack"], line)),
    "",
    url,
    "",
    `Open it on the device, which then measures as "${name}" while the page is open.`,
    `The link holds a token that may only measure; \`nasturtium tokens revoke ${tokenId}\` ends it.`,
    ...reachText(protocol, hostname, port),
  ].join("\n");
}

/** What another device needs to reach this address. */
function reachText(protocol: string, hostname: string, port: string): string[] {
  if (/^(?:localhost|127\.|\[::1\])/.test(hostname))
    return [
      `Only this machine reaches ${hostname}. For a phone on a cable: \`adb reverse tcp:${port} tcp:${port}\`.`,
    ];
  if (protocol === "https:") return [];
  return ["Over http browsers have no WebGPU and only a coarse clock; use https."];
}

/** What `nasturtium device --link` does. */
export async function printDeviceLink(
  ctx: Pick<Context, "client" | "print">,
  options: DeviceLinkOptions,
): Promise<void> {
  const link = await createDeviceLink(ctx.client(), options);
  ctx.print(link, deviceLinkText(link));
}
