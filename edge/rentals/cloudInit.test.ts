/** What cloud-init says is read back as it was meant, whatever the environment holds. */

import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readCloudInit } from "../../test/fakes/vm.ts";
import { cloudInit } from "./cloudInit.ts";

const image = `ghcr.io/nasturtium/runner@sha256:${"ab".repeat(32)}`;
const env = { NASTURTIUM_EDGE: "https://edge.example", NASTURTIUM_TOKEN: "nst_token-77aa01" };
const textOf = (more: Record<string, string> = {}): string =>
  cloudInit({ image, env: { ...env, ...more }, lifetimeSeconds: 7200 });

test("image, environment and lifetime are read back", () => {
  expect(readCloudInit(textOf())).toEqual({ image, env, lifetimeSeconds: 7200 });
  expect(readCloudInit(cloudInit({ image, env: {}, lifetimeSeconds: 1 })).env).toEqual({});
});

test.each([
  `a "b" 'c'`,
  `'; systemctl poweroff; '`,
  `$(cat /etc/shadow) \`id\` \${HOME} $HOME`,
  "key: value: other",
  "- a list",
  "{a: [b]} # no comment",
  "#cloud-config",
  "  at both ends  ",
  "\ta tab\t",
  "\\n \\ \\x41",
  "%YAML 1.1 --- ... | > & * ! @",
  "a=b==",
  "yes",
  "0600",
  "null",
  "",
  "käse 模型 🌱",
  "long ".repeat(400),
])("the value %j arrives as it is", (value) => {
  const hostile = { ...env, FIRST: value, SECOND: value };
  for (const version of ["1.1", "1.2"] as const) {
    const text = textOf({ FIRST: value, SECOND: value });
    expect(parse(text, { version })).toEqual(parse(text));
    expect(readCloudInit(text).env).toEqual(hostile);
  }
});

test("the environment is in a file of root's only, and in nothing that is run", () => {
  const { write_files: files, runcmd } = parse(textOf());
  const withToken = files.filter(({ content }: { content: string }) =>
    content.includes(env.NASTURTIUM_TOKEN),
  );
  expect(withToken).toMatchObject([{ owner: "root:root", permissions: "0600" }]);
  expect(JSON.stringify(runcmd)).not.toContain(env.NASTURTIUM_TOKEN);
});

test("the machine's end is set before anything else", () => {
  const [first] = parse(textOf()).runcmd;
  expect(first).toEqual([
    "systemd-run",
    "--unit=nasturtium-end",
    "--on-active=7200s",
    "systemctl",
    "poweroff",
  ]);
});

describe("refused", () => {
  test.each(["a\nb", "a\r", "\u2028b: c", "\u0085", "\0", "\u007f", "\ud800"])("the value %j", (value) => {
    expect(() => textOf({ NOTE: value })).toThrow(RangeError);
    expect(() => textOf({ NOTE: `secret${value}` })).not.toThrow(/secret/);
  });

  test.each(["", "A B", "A=B", "1A", "A\nB", "#A"])("the name %j", (name) => {
    expect(() => textOf({ [name]: "x" })).toThrow(RangeError);
  });

  test.each(["", "--privileged", "a b", "a;b", "$(id)", "a'b", "a\nb"])("the image %j", (image) => {
    expect(() => cloudInit({ image, env, lifetimeSeconds: 60 })).toThrow(RangeError);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("a lifetime of %d s", (lifetimeSeconds) => {
    expect(() => cloudInit({ image, env, lifetimeSeconds })).toThrow(RangeError);
  });

  test("more than 64 KiB, in bytes", () => {
    expect(textOf({ NOTE: "x".repeat(60_000) }).length).toBeLessThanOrEqual(65_536);
    expect(() => textOf({ NOTE: "x".repeat(65_000) })).toThrow(RangeError);
    expect(() => textOf({ NOTE: "ä".repeat(33_000) })).toThrow(RangeError);
  });
});
