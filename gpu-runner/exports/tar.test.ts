import { describe, expect, it } from "vitest";
import { readTar } from "../../cli/archive.ts";
import { tar } from "./tar.ts";

describe("tar", () => {
  it("gives back the files that were put in", () => {
    const files = [
      { name: "model.json", bytes: Buffer.from("{}") },
      { name: "empty", bytes: Buffer.alloc(0) },
      { name: "weights.bin", bytes: Buffer.alloc(1025, 7) },
    ];
    expect(readTar(tar(files)).map(({ name, bytes }) => [name, Buffer.from(bytes).toString("hex")])).toEqual(
      files.map(({ name, bytes }) => [name, bytes.toString("hex")]),
    );
  });

  it("is refused when a byte of a header has changed", () => {
    const archive = Buffer.from(tar([{ name: "a", bytes: Buffer.from("x") }]));
    archive[0] = 98;
    expect(() => readTar(archive)).toThrow(/damaged/);
  });
});
