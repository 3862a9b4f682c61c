import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { demoSpecification, demoTable } from "./demo/table.ts";
import { readCampaign, readSpecification } from "./specificationFile.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-specification-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("a specification file", () => {
  test("is read as YAML and as JSON", async () => {
    const expected = { name: "small", seed: 3 };
    expect(await readSpecification(fileWith("good.yaml", "name: small\nseed: 3\n"))).toEqual(expected);
    expect(await readSpecification(fileWith("good.json", JSON.stringify(expected)))).toEqual(expected);
  });

  test("that is missing is named", async () => {
    await expect(readSpecification(path.join(folder, "none.yaml"))).rejects.toThrow(
      /none.yaml cannot be read/,
    );
  });

  test("that is no YAML says where", async () => {
    await expect(readSpecification(fileWith("bad.yaml", "a: [1,\nb: }"))).rejects.toThrow(
      /not valid JSON or YAML.*line/,
    );
  });

  test.each([
    ["name: x\ncolour: red\n", /\/colour: unknown key/],
    ["name: x\nseed: -1\n", /\/seed: /],
    ["name: x\nschedule: { preset: quick }\n", /\/schedule\/preset: unknown preset "quick"/],
    ["name: x\nstrategy: { name: magic }\n", /\/strategy\/name: /],
  ])("with a wrong field is refused with its pointer: %j", async (text, message) => {
    await expect(readSpecification(fileWith("wrong.yaml", text))).rejects.toThrow(message);
  });

  test("of a campaign is checked for every place of its grid before anything is sent", async () => {
    const good =
      "name: c\nsearch: { dataset: { name: cifar10 } }\ngrid: { targets: { parameters: [2e6, 3e6] } }\n";
    expect(await readCampaign(fileWith("campaign.yaml", good))).toMatchObject({ name: "c" });
    const low = good.replace("3e6", "2");
    await expect(readCampaign(fileWith("low.yaml", low))).rejects.toThrow(
      /low.yaml is not a valid campaign. \/grid\/targets\/parameters\/1: no architecture/,
    );
    await expect(readCampaign(fileWith("none.yaml", "name: c\nsearch: {}\ngrid: {}\n"))).rejects.toThrow(
      /\/grid: nothing varies/,
    );
  });

  test.each(Object.keys(demoTable))("the demo of %s minutes asks for what is possible", async (minutes) => {
    const file = fileWith("demo.json", JSON.stringify(demoSpecification(Number(minutes), 1)));
    expect(await readSpecification(file)).toMatchObject({ seed: 1 });
  });
});
