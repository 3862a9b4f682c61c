import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../cli/run.testing.ts";
import { capture } from "./progress.mjs";
import { explained, temporaryBlame, temporaryFolder, temporaryProblem } from "./temporary.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-temporary-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = path.join(folder, "missing");
const fix = "Free some space there, or set TMPDIR to a folder that can be written.";

const failureOf = (code: string) => Object.assign(new Error(`${code}: write`), { code });

describe("a temporary folder that cannot be written is named, with what to do, where", () => {
  test("a file is written: the system's own message names no folder", () => {
    expect(explained(failureOf("ENOSPC"), "/scratch")).toMatchObject({
      message: `The temporary folder /scratch is full. ${fix}`,
    });
    const other = new Error("the graph is wrong");
    expect(explained(other)).toBe(other);
  });

  test("a folder is made in it", () => {
    const before = process.env.TMPDIR;
    process.env.TMPDIR = missing;
    try {
      expect(() => temporaryFolder("x-")).toThrow(`The temporary folder ${missing} does not exist. ${fix}`);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });

  test("another program fails for want of space, and only then", async () => {
    const full = "database or disk is full: SQLITE_FULL";
    expect(temporaryBlame(full, missing)).toContain(missing);
    expect(temporaryBlame(full, folder)).toBeUndefined();
    expect(temporaryBlame("a syntax error", missing)).toBeUndefined();
    const env = { ...process.env, TMPDIR: missing };
    const { output } = await capture("sh", ["-c", "echo No space left on device; exit 1"], { env });
    expect(output).toContain(`The temporary folder ${missing} does not exist. ${fix}`);
  });

  test.skipIf(process.getuid?.() === 0)("it belongs to somebody else", () => {
    chmodSync(folder, 0o500);
    expect(temporaryProblem(folder)).toBe(`The temporary folder ${folder} may not be written. ${fix}`);
    chmodSync(folder, 0o700);
  });

  test("the doctor looks", async () => {
    const { code, stdout } = await runCli(["doctor"], { env: { TMPDIR: missing } });
    expect(code).toBe(1);
    expect(stdout).toContain(`fail  Temporary      The temporary folder ${missing} does not exist.`);
  });
});
