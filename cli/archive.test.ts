import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readTar, writeFiles } from "./archive.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-archive-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Entry {
  name: string;
  text?: string;
  type?: string;
}

/** A tar archive, made without the code under test. */
function tar(entries: Entry[]): Uint8Array {
  const blocks = entries.flatMap(({ name, text = "", type = "0" }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${Buffer.byteLength(text).toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write(type, 156);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const body = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / 512) * 512);
    body.write(text);
    return [header, body];
  });
  return new Uint8Array(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

describe("an exported archive", () => {
  test("is unpacked with its folders", () => {
    const out = path.join(folder, "good");
    const files = readTar(
      tar([
        { name: "model.json", text: "{}" },
        { name: "weights/a.bin", text: "x".repeat(600) },
      ]),
    );
    writeFiles(files, out, false);
    expect(readFileSync(path.join(out, "model.json"), "utf8")).toBe("{}");
    expect(readFileSync(path.join(out, "weights", "a.bin"), "utf8")).toHaveLength(600);
  });

  test.each(["../evil.txt", "a/../../evil.txt", "/tmp/nasturtium-evil.txt", "..\\evil.txt", "."])(
    "that leads out of its folder is refused before anything is written: %s",
    (name) => {
      const out = path.join(folder, "traversal");
      const files = readTar(
        tar([
          { name: "fine.txt", text: "1" },
          { name, text: "2" },
        ]),
      );
      expect(() => writeFiles(files, out, true)).toThrow(/leads out of the folder/);
      expect(existsSync(path.join(out, "fine.txt"))).toBe(false);
    },
  );

  test("with a link is refused", () => {
    expect(() => readTar(tar([{ name: "link", type: "2" }]))).toThrow(/neither a file nor a folder/);
  });

  test("that is cut short or damaged is refused", () => {
    const whole = tar([{ name: "a", text: "x".repeat(2000) }]);
    expect(() => readTar(whole.subarray(0, 1024))).toThrow(/ends within a file/);
    const damaged = whole.slice();
    damaged[0] = 66;
    expect(() => readTar(damaged)).toThrow(/checksum/);
  });

  test("does not overwrite files unless told", () => {
    const out = path.join(folder, "twice");
    const files = [{ name: "a.txt", bytes: new TextEncoder().encode("1") }];
    writeFiles(files, out, false);
    expect(() => writeFiles(files, out, false)).toThrow(/exists already/);
    expect(writeFiles(files, out, true)).toHaveLength(1);
  });
});
