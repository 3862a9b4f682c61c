import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPushedTable } from "./pushed.ts";
import { packTable } from "./tableFile.ts";

const TEXT = 'arch,accuracy,"cost, ms"\nab,90.5,1\n\nba,91,2\n';

const twoMembers = Buffer.concat([gzipSync(TEXT), gzipSync("aa,1,2\n")]);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "nasturtium-table-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const written = path.join(folder, name);
  writeFileSync(written, content);
  return written;
}

describe("a table's file", () => {
  test("says its columns and rows; zipped it is the same table in other bytes", async () => {
    const plain = await packTable("t", file("plain.csv", TEXT), 10);
    const zipped = await packTable("t", file("zipped.csv.gz", gzipSync(TEXT)));
    expect(plain.header).toMatchObject({
      kind: "table",
      columns: ["arch", "accuracy", "cost, ms"],
      rows: 2,
      bytes: TEXT.length,
    });
    expect(plain.header.shards).toHaveLength(Math.ceil(TEXT.length / 10));
    expect(zipped.header.digest).toBe(plain.header.digest);
    expect(zipped.header.shards).not.toEqual(plain.header.shards);
  });

  test.each(["", "\0\0\0"])("of several gzip members is read whole (padding %j)", async (padding) => {
    const members = [TEXT, "aa,1,2\nbb,3,4\n", "cc,5,6\n"].map((part) => gzipSync(part));
    const zipped = Buffer.concat([...members, Buffer.from(padding)]);
    const { header, shard } = await packTable("t", file("members.csv.gz", zipped));
    expect(header.rows).toBe(5);
    const options = { cacheDir: path.join(folder, "members"), log: () => {} };
    const text = await loadPushedTable(header, { shard: async (number) => shard(number) }, options);
    expect(text.trimEnd().split("\n").at(-1)).toBe("cc,5,6");
  });

  test("is read with a byte order mark, and with carriage returns alone", async () => {
    const rows = async (text: string) => (await packTable("t", file("ends.csv", text))).header.rows;
    expect(await rows(`\uFEFF${TEXT}`)).toBe(2);
    expect(await rows(TEXT.replaceAll("\n", "\r"))).toBe(2);
    expect(await rows(TEXT.replaceAll("\n", "\r\n"))).toBe(2);
  });

  test("is fetched once, verified, and read from the cache afterwards; damage is not taken for it", async () => {
    const { header, shard } = await packTable("t", file("sent.csv.gz", gzipSync(TEXT)), 10);
    const options = { cacheDir: path.join(folder, "cache"), log: () => {} };
    let fetched = 0;
    const source = {
      shard: async (number: number) => {
        fetched++;
        return shard(number);
      },
    };
    expect(await loadPushedTable(header, source, options)).toBe(TEXT);
    expect(await loadPushedTable(header, source, options)).toBe(TEXT);
    expect(fetched).toBe(header.shards.length);
    const elsewhere = { ...options, cacheDir: path.join(folder, "other") };
    const damaged = { shard: async (number: number) => shard(number).map((byte) => byte ^ 1) };
    await expect(loadPushedTable(header, damaged, elsewhere)).rejects.toThrow(/arrived damaged/);
    const wrong = { ...header, digest: "0".repeat(64) };
    await expect(loadPushedTable(wrong, source, elsewhere)).rejects.toThrow(/not what its digest says/);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ["nothing in it", "", /row 1, column "": the table is empty/],
    ["no rows", "arch,accuracy\n", /row 1, column "arch": the table has no rows below it/],
    ["one column", "arch;accuracy\nab;1\n", /row 1, column "arch;accuracy": .* separated by commas/],
    ["no header", "ab,90,1\nba,91,2\n", /row 1, column "90": there is no header/],
    [
      "rows that are longer or shorter than the header",
      "arch,a,b\nab,1,2\nba,3\nbb,4,5,6\n",
      /row 3, column "a": the row has 2 cells, the header 3\nrow 4, column "b": the row has 4 cells/,
    ],
    ["an empty row", "arch,a,b\nab,1,2\n , ,\n", /row 3, column "arch": the row is empty/],
    ["a quote that is not closed", 'arch,a\nab,"1\n', /row \d+, column ".*": this is not CSV/],
    ["bytes that are no text", Uint8Array.of(0xff, 0xfe, 0x00), /neither UTF-8 text nor gzipped/],
    ["UTF-16 with a mark", Buffer.from(`\uFEFF${TEXT}`, "utf16le"), /it is in UTF-16LE\. .*UTF-8/],
    ["UTF-16 without a mark", Buffer.from(TEXT, "utf16le"), /it is in UTF-16LE\. .*iconv -f UTF-16LE/],
    ["UTF-16 in the other order", Buffer.from(TEXT, "utf16le").swap16(), /it is in UTF-16BE/],
    ["zipped UTF-16", gzipSync(Buffer.from(TEXT, "utf16le")), /it is in UTF-16LE/],
    [
      "Latin-1",
      Buffer.from("arch,größe\nab,1\n", "latin1"),
      /line 1 has letters in another encoding, probably Latin-1 or Windows-1252\. .*CSV UTF-8/,
    ],
    ["Latin-1 further down", Buffer.from("arch,a\nab,1\nbä,2\n", "latin1"), /line 3 has letters/],
    ["bytes of a program", Buffer.from("PK\u0003\u0004\0\0\u0008\0abc"), /it is not text/],
    ["a gzip whose second member breaks off", twoMembers.subarray(0, -10), /the gzip is damaged/],
    ["a gzip that breaks off", gzipSync(TEXT).subarray(0, 20), /neither UTF-8 text nor gzipped/],
  ])("with %s is refused before it is sent", async (name, content, message) => {
    await expect(packTable("t", file(`${name}.csv`, content))).rejects.toThrow(message);
  });

  test("that is not there is refused", async () => {
    await expect(packTable("t", path.join(folder, "absent.csv"))).rejects.toThrow(
      /absent\.csv cannot be read/,
    );
  });
});

describe("what a search would refuse", () => {
  const doubts = async (text: string) => (await packTable("t", file("doubts.csv", text))).doubts;

  test("is nothing of a sound table", async () => {
    expect(await doubts(TEXT)).toEqual([]);
    const genotypes =
      "index,arch,set,note,params\n1,|a~0|+|b~0|,x,,90\n2,|b~0|+|b~0|,x,?,7\n3,|b~0|+|a~0|,x,,90\n";
    expect(await doubts(genotypes)).toEqual([]);
    expect(await doubts("index,ops,ms\n8,00,1\n9,01,1\n10,10,2\n11,11,1\n")).toEqual([]);
    expect(await doubts("params,ms\n190,1\n99,1\n180,2\n177,1\n")).toEqual([]);
    expect(await doubts("ops,ms\n0a,1\n01,1\n10,2\n11,1\n")).toEqual([]);
  });

  test.each<[string, string, [row: number, column: string, detail: RegExp][]]>([
    ["an architecture twice", "arch,a\nab,1\nba,2\nbb,3\nab,4\n", [[5, "arch", /of row 2 again/]]],
    ["digits twice", "ops,a\n01,1.5\n10,2\n11,3\n01,4\n", [[5, "ops", /of row 2 again/]]],
    ["an architecture that is missing", "arch,a\nab,1\nba,2\n,3\n", [[4, "arch", /is missing/]]],
    [
      "cells that are no numbers",
      'arch,a,b\nab,1,1\nba,fast,2\nbb,3,NaN\naa,,"4,5"\nac,5,5\n',
      [
        [3, "a", /"fast" is not a number/],
        [4, "b", /NaN/],
        [5, "a", /the value is missing/],
        [5, "b", /"4,5" is not a number/],
      ],
    ],
    ["zeros that are lost", "ops,a\n210,1\n12,2\n121,3\n", [[3, "ops", /spreadsheet .* \("012"\)/]]],
    ["a column twice", "arch,a,a\nab,1,1\nba,2,2\n", [[1, "a", /two columns have this name/]]],
  ])("is %s", async (_what, text, expected) => {
    expect(await doubts(text)).toEqual(
      expected.map(([row, column, detail]) => ({ row, column, detail: expect.stringMatching(detail) })),
    );
  });
});
