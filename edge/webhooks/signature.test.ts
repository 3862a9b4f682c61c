import { expect, test } from "vitest";
import { newSecret, signaturesOf } from "./signature.ts";

const vector = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
};
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

test("the test vector of Standard Webhooks has its signature", async () => {
  expect(await signaturesOf([secret], vector)).toBe(signature);
});

test("several secrets give several signatures, parted by spaces, the first secret's first", async () => {
  const other = newSecret();
  expect(await signaturesOf([secret, other], vector)).toBe(
    `${signature} ${await signaturesOf([other], vector)}`,
  );
});

test("a new secret holds 32 random bytes", () => {
  const secrets = [newSecret(), newSecret()];
  expect(secrets[0]).not.toBe(secrets[1]);
  for (const text of secrets) {
    expect(text).toMatch(/^whsec_/);
    expect(atob(text.slice("whsec_".length))).toHaveLength(32);
  }
});
