import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadBackend } from "../gpu-runner/kernels/backend.ts";
import { cacheDir, ensureTensorFlow, variantOf } from "./tensorflow.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-tensorflow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("NASTURTIUM_BACKEND=wasm is obeyed and announced with its reason", async () => {
  const lines: string[] = [];
  const env = { ...process.env, NASTURTIUM_BACKEND: "wasm" };
  const result = await ensureTensorFlow({ env, log: (line) => lines.push(line) });
  expect(result).toMatchObject({ backend: "wasm", reason: expect.stringContaining("NASTURTIUM_BACKEND") });
  expect(lines.join()).toContain("WebAssembly");
});

test.runIf(process.platform === "linux")(
  "without Python the answer is wasm, and no half-finished cache is left",
  async () => {
    const env = {
      ...process.env,
      NASTURTIUM_BACKEND: "",
      NASTURTIUM_CACHE: folder,
      PYTHON: "/nonexistent/python",
    };
    const result = await ensureTensorFlow({ env, log: () => {} });
    expect(result).toMatchObject({ backend: "wasm", reason: expect.stringContaining("Python") });
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("TensorFlow is built for the CPU unless CUDA is asked for, and for nothing else", () => {
  expect(variantOf({})).toBe("cpu");
  expect(variantOf({ NASTURTIUM_TENSORFLOW: "cuda" })).toBe("cuda");
  expect(() => variantOf({ NASTURTIUM_TENSORFLOW: "rocm" })).toThrow('NASTURTIUM_TENSORFLOW is "rocm"');
});

test("the cache follows NASTURTIUM_CACHE, then XDG_CACHE_HOME", () => {
  expect(cacheDir({ NASTURTIUM_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe(path.resolve("/a"));
  expect(cacheDir({ XDG_CACHE_HOME: "/b" })).toBe(path.join("/b", "nasturtium"));
});

test.runIf(process.env.NASTURTIUM_BACKEND === "tensorflow")(
  "native TensorFlow multiplies inside a test",
  async () => {
    const { tf } = await loadBackend("tensorflow");
    expect([...tf.matMul(tf.ones([1, 3]), tf.ones([3, 1])).dataSync()]).toEqual([3]);
  },
);
