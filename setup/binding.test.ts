import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { bindingKey, patchSource } from "./binding.mjs";
import { places } from "./tensorflow.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-binding-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { packageDir, libraries, binding } = places("cpu", { NASTURTIUM_CACHE: folder });

test("the package's source is patched: no tensor holds a reference that another thread would delete", () => {
  const target = path.join(folder, "source");
  patchSource(packageDir, target);
  const before = readFileSync(path.join(packageDir, "binding", "tfjs_backend.cc"), "utf8");
  const after = readFileSync(path.join(target, "tfjs_backend.cc"), "utf8");
  const unsafe = /NapiAutoRef|DeallocTensor|TF_NewTensor|auto_ref/;
  expect(before).toMatch(unsafe);
  expect(after).not.toMatch(unsafe);
  expect(after).toContain("TF_AllocateTensor(dtype, shape, shape_length, byte_size)");
  expect(readdirSync(target)).toEqual(readdirSync(path.join(packageDir, "binding")));
});

test("a source that the patches were not made for is refused by name, absent places and doubled ones alike", () => {
  const other = path.join(folder, "other");
  mkdirSync(path.join(other, "binding"), { recursive: true });
  const patch = { file: "tfjs_backend.cc", from: "free(data);\n", to: "" };
  for (const [text, count] of [
    ["use(data);\n", 0],
    ["free(data);\nfree(data);\n", 2],
  ] as const) {
    writeFileSync(path.join(other, "binding", patch.file), text);
    expect(() => patchSource(other, path.join(folder, "target"), [patch])).toThrow(
      `tfjs_backend.cc of tfjs-node-gpu is not that of 4.22.0: it has ${count} times "free(data);"`,
    );
  }
});

test("bindings lie in the folder of the libraries that they are linked with, named by what is compiled in", () => {
  expect(path.dirname(binding)).toBe(libraries);
  expect(path.basename(binding)).toBe(`tfjs-binding-${bindingKey()}.node`);
  expect(bindingKey()).toMatch(/^4\.22\.0-[0-9a-f]{12}$/);
});
