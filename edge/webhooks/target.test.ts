import { describe, expect, test } from "vitest";
import { hostsIn, isPublicAddress, type Resolver, targetFault, urlFault } from "./target.ts";

const resolvesTo =
  (...addresses: string[]): Resolver =>
  async () =>
    addresses;

describe("an address is refused when it", () => {
  test.each([
    ["is not https", "http://example.com/hook"],
    ["is no address of a server", "file:///etc/passwd"],
    ["is no URL", "example.com/hook"],
    ["names a user", "https://user@example.com/"],
    ["names a password", "https://:secret@example.com/"],
    ["is loopback", "https://127.0.0.1/"],
    ["is loopback elsewhere in its range", "https://127.8.9.10/"],
    ["is loopback as one number", "https://2130706433/"],
    ["is loopback in hexadecimal", "https://0x7f000001/"],
    ["is loopback in hexadecimal parts", "https://0x7f.0.0.1/"],
    ["is loopback in octal", "https://0177.0.0.1/"],
    ["is loopback in few parts", "https://127.1/"],
    ["is loopback in wide digits", "https://１２７.０.０.１/"],
    ["is loopback with a dot behind", "https://127.0.0.1./"],
    ["is unspecified", "https://0.0.0.0/"],
    ["is private, 10/8", "https://10.1.2.3/"],
    ["is private, 172.16/12", "https://172.31.255.255/"],
    ["is private, 192.168/16", "https://192.168.1.1/"],
    ["is shared by carriers", "https://100.64.0.1/"],
    ["is link-local", "https://169.254.169.254/latest/meta-data/"],
    ["is multicast", "https://224.0.0.1/"],
    ["is broadcast", "https://255.255.255.255/"],
    ["is loopback of IPv6", "https://[::1]/"],
    ["is unspecified of IPv6", "https://[::]/"],
    ["is unique local", "https://[fd12:3456::1]/"],
    ["is link-local of IPv6", "https://[fe80::1]/"],
    ["is multicast of IPv6", "https://[ff02::1]/"],
    ["is IPv4 mapped", "https://[::ffff:127.0.0.1]/"],
    ["is IPv4 mapped in hexadecimal", "https://[::ffff:7f00:1]/"],
    ["is behind NAT64", "https://[64:ff9b::10.0.0.1]/"],
    ["is 6to4", "https://[2002:7f00:1::]/"],
    ["is Teredo", "https://[2001:0:1::1]/"],
    ["is localhost", "https://localhost/"],
    ["is localhost with a dot behind", "https://LOCALHOST./"],
    ["is below localhost", "https://a.localhost/"],
    ["is below .local", "https://printer.local/"],
    ["is below .internal", "https://metadata.google.internal/"],
    ["is a name without a dot", "https://intranet/"],
    ["is longer than 2,000 characters", `https://example.com/${"a".repeat(2000)}`],
  ])("%s", (_, url) => {
    expect(urlFault(url, [])).not.toBeNull();
  });

  test("leads to any address that is not public, whatever its others are", async () => {
    const fault = await targetFault("https://example.com/", [], resolvesTo("93.184.216.34", "10.0.0.1"));
    expect(fault).toContain("not a public one");
    expect(await targetFault("https://example.com/", [], resolvesTo("::1"))).toContain("not a public one");
  });

  test("has no address, or no answer can be had", async () => {
    expect(await targetFault("https://example.com/", [], resolvesTo())).toContain("has no address");
    const failing: Resolver = () => Promise.reject(new Error("down"));
    expect(await targetFault("https://example.com/", [], failing)).toContain("no answer could be had");
  });
});

describe("an address is accepted when it", () => {
  test.each(["https://example.com/hook?a=b", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/"])(
    "is public: %s",
    async (url) => {
      expect(await targetFault(url, [], resolvesTo("93.184.216.34", "2606:4700::1111"))).toBeNull();
    },
  );

  test("is a development host that the operator allows, by http too and on that port only", () => {
    const allowed = hostsIn(" localhost:8080, 127.0.0.1:443 ,");
    expect(urlFault("http://localhost:8080/hook", allowed)).toBeNull();
    expect(urlFault("https://127.0.0.1/hook", allowed)).toBeNull();
    expect(urlFault("http://localhost:8081/hook", allowed)).not.toBeNull();
    expect(urlFault("http://localhost/hook", allowed)).not.toBeNull();
    expect(urlFault("http://user@localhost:8080/hook", allowed)).not.toBeNull();
    expect(hostsIn(undefined)).toEqual([]);
  });
});

test("a text that is no address in the usual notation is not public", () => {
  for (const text of [
    "",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.256",
    "::1::",
    "1:2:3:4:5:6:7",
    "2000:::1",
    "example.com",
  ])
    expect(isPublicAddress(text)).toBe(false);
});
