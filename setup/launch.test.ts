import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { needsTensorFlow } from "./launch.mjs";
import { resolveNode, rootDir } from "./node.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-launch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(source: string, ...args: string[]) {
  const script = path.join(folder, `${crypto.randomUUID()}.mjs`);
  writeFileSync(script, source);
  const child = spawn(process.execPath, [path.join(rootDir, "setup/launch.mjs"), script, ...args]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, "close").then(([code]) => ({ code, stdout, stderr }));
  return { child, ended };
}

describe("launch", () => {
  test("the exit code and the output of the target pass through, and nothing is added when all is ready", async () => {
    const result = await start("console.log(process.argv.slice(2).join()); process.exit(7)", "a", "--b")
      .ended;
    expect(result).toEqual({ code: 7, stdout: "a,--b\n", stderr: "" });
  });

  test("programs that the target starts by name get the same Node", async () => {
    const source = `import { execSync } from "node:child_process";
      console.log(execSync("node -p process.execPath").toString().trim() === process.execPath);`;
    expect((await start(source).ended).stdout).toBe("true\n");
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s reaches the target and its end is reported as %i", async (signal, code) => {
    const { child, ended } = start("console.log('ready'); setInterval(() => {}, 1000);");
    await once(child.stdout, "data");
    child.kill(signal);
    expect((await ended).code).toBe(code);
  });

  test("a target ends when what launched it is killed with -9", async () => {
    const source = `import { writeFileSync } from "node:fs";
      process.on("SIGTERM", () => { writeFileSync(process.argv[2], "asked"); process.exit(0); });
      console.log("ready"); setInterval(() => {}, 1000);`;
    const file = path.join(folder, "asked");
    const { child } = start(source, file);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await expect.poll(() => existsSync(file), { timeout: 10_000 }).toBe(true);
  });

  test("a target that handles the signal chooses the exit code", async () => {
    const source =
      "process.on('SIGTERM', () => process.exit(3)); console.log('ready'); setInterval(() => {}, 1000);";
    const { child, ended } = start(source);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect((await ended).code).toBe(3);
  });

  test("only the commands that train ask for TensorFlow", () => {
    expect(needsTensorFlow("cli/main.ts", ["runner", "--once"])).toBe(true);
    expect(needsTensorFlow("cli/main.ts", ["demo", "--help"])).toBe(false);
    expect(needsTensorFlow("cli/main.ts", ["search", "list"])).toBe(false);
    expect(needsTensorFlow("cli/main.ts", ["device", "--backend", "tensorflow"])).toBe(true);
    expect(needsTensorFlow("cli/main.ts", ["device", "--backend", "wasm"])).toBe(false);
    expect(needsTensorFlow("@vitest", ["run"])).toBe(false);
  });
});

describe("resolveNode", () => {
  const bare = { root: folder, version: "20.20.0", execPath: "/usr/bin/node" };

  test("an old Node without the packaged one is refused on Linux, with the package that is missing", () => {
    expect(() => resolveNode({ ...bare, platform: "linux", arch: "x64" })).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("20.20.0"),
        fix: expect.stringContaining("npm ci"),
      }),
    );
  });

  test("an old Node is refused elsewhere, with the version to install", () => {
    expect(() => resolveNode({ ...bare, platform: "darwin", arch: "arm64" })).toThrow(
      expect.objectContaining({ fix: expect.stringContaining("Install Node 24") }),
    );
  });

  test.each(["22.17.9", "20.99.0"])("Node %s is refused: it does not run TypeScript", (version) => {
    expect(() => resolveNode({ ...bare, platform: "darwin", version })).toThrow("too old");
  });

  test.each(["22.18.0", "24.0.0"])("the system's Node %s is used elsewhere", (version) => {
    expect(resolveNode({ ...bare, platform: "darwin", version })).toBe("/usr/bin/node");
  });
});
