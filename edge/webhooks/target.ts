/**
 * Which addresses may be called: nobody must reach through this deployment what is not reachable for everybody. Names
 * are resolved by whoever asks; between that and the call a name can change what it stands for (DNS rebinding).
 */

const longestUrl = 2000;
const defaultPorts: Record<string, string> = { "https:": "443", "http:": "80" };
const privateNames = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "lan",
  "home.arpa",
  "corp",
];

/** Gives the addresses that a name has, as text; none where it has none. Rejects where no answer can be had. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/** First address and length of each range of IPv4 that is not for everybody (RFC 6890 and its registry). */
const reserved4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8], // unspecified, "this network"
  ["10.0.0.0", 8],
  ["100.64.0.0", 10], // shared by carriers
  ["127.0.0.0", 8],
  ["169.254.0.0", 16], // link-local, metadata of clouds
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16],
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
];

/** Only 2000::/3 is for everybody; of it not what is reserved or holds an IPv4 address. */
const global6 = ["2000::", 3] as const;
const reserved6: readonly (readonly [string, number])[] = [
  ["2001::", 23], // protocol assignments, Teredo among them
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4
  ["3fff::", 20],
];

/**
 * Whether an address, as text, is one that everybody can reach. Only the usual notations are known; every other text is
 * not public.
 */
export function isPublicAddress(text: string): boolean {
  const four = parse4(text);
  if (four !== null) return !reserved4.some(([first, length]) => isWithin(four, 32, parse4(first), length));
  const six = parse6(text);
  if (six === null) return false;
  const isIn = ([first, length]: readonly [string, number]) => isWithin(six, 128, parse6(first), length);
  return isIn(global6) && !reserved6.some(isIn);
}

function isWithin(address: bigint, bits: number, first: bigint | null, length: number): boolean {
  const shift = BigInt(bits - length);
  return first !== null && address >> shift === first >> shift;
}

function parse4(text: string): bigint | null {
  const parts = text.split(".");
  // No part with a zero before it: some read that as octal.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return null;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function parse6(text: string): bigint | null {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail?.[1] !== undefined && tail[2] !== undefined) {
    const four = parse4(tail[2]);
    if (four === null) return null;
    return parse6(`${tail[1]}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...left, ...Array<string>(missing).fill("0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** Why an address may not be called, for the one who wrote it; null where it may. */
export function urlFault(text: string, allowedHosts: readonly string[]): string | null {
  if (text.length > longestUrl) return `at most ${longestUrl} characters`;
  if (!URL.canParse(text)) return "not a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "a URL must not hold a user name or password";
  if (isAllowed(url, allowedHosts)) return null;
  if (url.protocol !== "https:") return "only https is called";
  const name = nameOf(url);
  if (isLiteral(name)) return isPublicAddress(bare(name)) ? null : "this address is not a public one";
  const isPrivate = privateNames.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
  return isPrivate || !name.includes(".") ? "this name is not a public one" : null;
}

/** Why a URL may not be called once its name was resolved; null where it may. */
export async function targetFault(
  text: string,
  allowedHosts: readonly string[],
  resolve: Resolver,
): Promise<string | null> {
  const fault = urlFault(text, allowedHosts);
  if (fault !== null) return fault;
  const url = new URL(text);
  const name = nameOf(url);
  if (isAllowed(url, allowedHosts) || isLiteral(name)) return null;
  let addresses: readonly string[];
  try {
    addresses = await resolve(name);
  } catch {
    return `no answer could be had as to where ${name} leads`;
  }
  if (addresses.length === 0) return `${name} has no address`;
  return addresses.every(isPublicAddress) ? null : `${name} leads to an address that is not a public one`;
}

/** Of `host:port, host:port`, as `NASTURTIUM_WEBHOOK_HOSTS` has them. */
export const hostsIn = (list: string | undefined): string[] =>
  (list ?? "")
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== "");

function isAllowed({ protocol, hostname, port }: URL, allowedHosts: readonly string[]): boolean {
  const defaultPort = defaultPorts[protocol];
  return defaultPort !== undefined && allowedHosts.includes(`${hostname}:${port || defaultPort}`);
}

/** The parser of URLs has turned every form of an IPv4 address into four decimal numbers. */
const nameOf = ({ hostname }: URL): string => hostname.replace(/\.+$/, "");
const isLiteral = (name: string): boolean => name.startsWith("[") || /^[\d.]+$/.test(name);
const bare = (name: string): string => name.replace(/^\[|\]$/g, "");
