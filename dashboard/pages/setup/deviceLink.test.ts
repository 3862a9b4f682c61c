/** The link of a device and its code. */

import { expect, test } from "vitest";
import type { EdgeClient } from "../../../cli/client.ts";
import { createDeviceLink } from "../../../cli/deviceLink.ts";
import { deviceLink, modulePath, reachHint } from "./deviceLink.ts";

test("is the one that the command line makes", async () => {
  const client = {
    edge: "https://nasturtium.example",
    v1: { tokens: { $post: () => null } },
    json: async () => ({ id: "t", token: "nst_1f&" }),
  } as unknown as EdgeClient;
  const { url } = await createDeviceLink(client, { name: "phone-lab", backend: "webgl" });
  const fields = { origin: "https://nasturtium.example", token: "nst_1f&", name: "phone-lab" };
  expect(deviceLink({ ...fields, backend: "webgl" })).toBe(url);
  expect(deviceLink({ ...fields, backend: "" })).toBe(url.replace("&backend=webgl", ""));
});

test("says what keeps another device from reaching it", () => {
  expect(reachHint("http://127.0.0.1:8787")).toMatch(/adb reverse tcp:8787 tcp:8787/);
  expect(reachHint("http://lab.example")).toMatch(/use https/);
  expect(reachHint("https://lab.example")).toBeNull();
});

test("draws each dark module once, where it is", () => {
  expect(
    modulePath([
      [true, false],
      [false, true],
    ]),
  ).toBe("M0 0h1v1h-1zM1 1h1v1h-1z");
});
