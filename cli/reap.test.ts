/** `nasturtium reap` against servers that speak the providers' wire formats. */

import { expect, onTestFinished, test } from "vitest";
import { FakeCloud } from "../test/fakes/cloud.ts";
import { fakeRowOf } from "../test/fakes/index.ts";
import { serveFake } from "../test/fakes/serve.ts";
import { runCli } from "./run.testing.ts";

const offer = { gpu: "RTX 4090", gpuMemoryGb: 24, priceUsdPerHour: 0.4, host: "h", location: "EU" };

test("a provider that cannot be asked keeps no other's machines alive, and is told", async () => {
  const cloudOf = (key: string) =>
    new FakeCloud({
      now: () => Date.now(),
      offers: [{ ...offer, id: "o1", capacity: 5 }],
      bootSeconds: 1,
      key,
    });
  const [runpod, vast] = [cloudOf("key-of-runpod"), cloudOf("key-of-vast")];
  const served = await Promise.all([
    serveFake(fakeRowOf("runpod").make(runpod)),
    serveFake(fakeRowOf("vast").make(vast)),
  ]);
  for (const { close } of served) onTestFinished(close);
  const request = { image: "i", env: {}, userData: null, interruptible: false };
  const lost = vast.launch("o1", { ...request, name: "nas-abcde234-aaaaaaaaaaaaaaaa-1-t1" });
  runpod.faults.once.list = [{ kind: "auth" }];
  const { code, stdout, stderr } = await runCli(["reap", "--deployment", "abcde234"], {
    env: Object.assign({}, ...served.map(({ env }) => env)),
  });
  expect(lost?.deletedAt).not.toBeNull();
  expect(stdout).toMatch(/vast .*ended/);
  expect(code).not.toBe(0);
  expect(stderr).toContain("runpod: the key was refused");
});
