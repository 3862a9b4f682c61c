import { describe, expect, test } from "vitest";
import { isSigned, newSecret, signaturesOf } from "./signature.ts";

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text));
const github = (signature: string) => new Headers({ "x-hub-signature-256": signature });
const isSignedByGithub = (secret: string, headers: Headers, content: Uint8Array<ArrayBuffer>) =>
  isSigned.github(secret, headers, content, 0);

test("GitHub's published signature is accepted, and no other", async () => {
  const secret = "It's a Secret to Everybody";
  const digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const body = bytes("Hello, World!");
  expect(await isSignedByGithub(secret, github(`sha256=${digits}`), body)).toBe(true);
  for (const wrong of [
    `sha256=${digits.replace("7", "8")}`,
    `sha256=${digits.slice(2)}`,
    `sha1=${digits}`,
    digits,
    "sha256=",
    "",
  ])
    expect(await isSignedByGithub(secret, github(wrong), body)).toBe(false);
  expect(await isSignedByGithub(secret, github(`sha256=${digits}`), bytes("Hello, World"))).toBe(false);
  expect(await isSignedByGithub("another", github(`sha256=${digits}`), body)).toBe(false);
  expect(await isSignedByGithub(secret, new Headers(), body)).toBe(false);
});

/** The vector's time has passed long since. */
const at = 1614265330;
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const body = bytes('{"test": 2432232314}');
const standard = (change: Record<string, string> = {}) =>
  new Headers({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": String(at),
    "webhook-signature": signature,
    ...change,
  });
const isSignedAt = (seconds: number, headers = standard(), content = body) =>
  isSigned.signed(secret, headers, content, seconds);

test("the published signature of Standard Webhooks is accepted within five minutes, and no other", async () => {
  for (const seconds of [at, at - 299, at + 299]) expect(await isSignedAt(seconds)).toBe(true);
  for (const seconds of [at - 301, at + 301]) expect(await isSignedAt(seconds)).toBe(false);
  for (const change of [
    { "webhook-id": "msg_other" },
    { "webhook-id": "" },
    { "webhook-timestamp": String(at + 1) },
    { "webhook-timestamp": "" },
    { "webhook-timestamp": `${at}.0` },
    { "webhook-signature": signature.replace("g0", "h0") },
    { "webhook-signature": signature.replace("v1,", "v2,") },
    { "webhook-signature": "v1,%%%" },
    { "webhook-signature": "" },
  ])
    expect([change, await isSignedAt(at, standard(change))]).toEqual([change, false]);
  expect(await isSignedAt(at, standard(), bytes('{"test":2432232314}'))).toBe(false);
});

test("one right signature among several is enough, while a key is rotated", async () => {
  const several = standard({ "webhook-signature": `v1a,abc v1,AAAA ${signature}` });
  expect(await isSignedAt(at, several)).toBe(true);
});

test("new secrets are as long as their senders want, and never the same", () => {
  expect(newSecret("github")).toMatch(/^[0-9a-f]{64}$/);
  expect(newSecret("signed")).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(newSecret("signed")).not.toBe(newSecret("signed"));
});

describe("what goes out by Standard Webhooks", () => {
  const message = {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
  };
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

  test("has the signature of the convention's test vector", async () => {
    expect(await signaturesOf([secret], message)).toBe(signature);
  });

  test("has a signature by each of several secrets, parted by spaces, the first secret's first", async () => {
    const other = newSecret("signed");
    expect(await signaturesOf([secret, other], message)).toBe(
      `${signature} ${await signaturesOf([other], message)}`,
    );
  });
});
