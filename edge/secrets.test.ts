import { expect, test } from "vitest";
import type { Env } from "./env.ts";
import { open, seal } from "./secrets.ts";
import { env } from "./testEdge.ts";

const { NASTURTIUM_SECRET: _, NASTURTIUM_ADMIN_TOKEN: __, ...without } = env;
const having = (secrets: Partial<Env>): Env => ({ ...without, ...secrets });

test("a secret is opened as it was sealed, and does not show in what is stored", async () => {
  for (const own of [{ NASTURTIUM_SECRET: "a" }, { NASTURTIUM_ADMIN_TOKEN: "a" }]) {
    const sealed = await seal(having(own), "größe");
    expect(await open(having(own), sealed)).toBe("größe");
    expect(atob(sealed.slice(3))).not.toContain("gr");
    expect(await seal(having(own), "größe")).not.toBe(sealed);
  }
});

test("the deployment's secret goes before its first token", async () => {
  const sealed = await seal(having({ NASTURTIUM_SECRET: "a", NASTURTIUM_ADMIN_TOKEN: "b" }), "x");
  expect(await open(having({ NASTURTIUM_SECRET: "a" }), sealed)).toBe("x");
});

test("what was sealed under the first token stays readable once the deployment has a secret of its own", async () => {
  const sealed = await seal(having({ NASTURTIUM_ADMIN_TOKEN: "b" }), "x");
  expect(await open(having({ NASTURTIUM_SECRET: "a", NASTURTIUM_ADMIN_TOKEN: "b" }), sealed)).toBe("x");
});

test("under another key, changed, or without any key, nothing is opened", async () => {
  const sealed = await seal(having({ NASTURTIUM_SECRET: "a" }), "x");
  const problem = { problem: "secrets-unavailable" };
  await expect(open(having({ NASTURTIUM_SECRET: "b" }), sealed)).rejects.toMatchObject(problem);
  await expect(open(having({}), sealed)).rejects.toMatchObject(problem);
  await expect(seal(having({}), "x")).rejects.toMatchObject(problem);
  await expect(seal(having({ NASTURTIUM_SECRET: "" }), "x")).rejects.toMatchObject(problem);
  const last = sealed.at(-3) === "A" ? "B" : "A";
  const changed = sealed.slice(0, -3) + last + sealed.slice(-2);
  await expect(open(having({ NASTURTIUM_SECRET: "a" }), changed)).rejects.toMatchObject(problem);
});
