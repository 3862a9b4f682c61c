import { expect, test } from "vitest";
import { NVIDIA_LIBRARIES, TENSORFLOW_LIBRARIES, TENSORFLOW_VERSION, variants } from "./wheels.mjs";

const all = Object.values(variants).flatMap((platforms) => Object.values(platforms));

test("every wheel is pinned by version and SHA-256, and no two write the same file", () => {
  for (const { wheels } of all) {
    const places = wheels.flatMap(({ members }) => Object.values(members));
    expect(new Set(places).size).toBe(places.length);
    for (const { version, sha256 } of wheels) {
      expect(version).toMatch(/^\d+(\.\d+)+$/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  }
});

test("every build has both of TensorFlow's libraries, in the one version", () => {
  for (const { wheels } of all) {
    const [tensorflow, ...others] = wheels.filter(({ name }) => name.startsWith("tensorflow"));
    expect(others).toEqual([]);
    expect(tensorflow?.version).toBe(TENSORFLOW_VERSION);
    const places = Object.values(tensorflow?.members ?? {});
    for (const name of TENSORFLOW_LIBRARIES) expect(places).toContain(`deps/lib/${name}`);
  }
});

test("only the build for CUDA has NVIDIA's libraries, all in the folder that TensorFlow's run path names", () => {
  const nvidia = (key: keyof typeof variants) =>
    Object.values(variants[key])
      .flatMap(({ wheels }) =>
        wheels.flatMap(({ members }) => Object.values(members).filter((place) => place.includes(".so."))),
      )
      .filter((place) => !place.startsWith("deps/lib/"));
  expect(nvidia("cpu")).toEqual([]);
  const places = nvidia("cuda");
  for (const name of ["libcudart.so.12", "libcublas.so.12", "libcudnn.so.9", "libcusolver.so.11"]) {
    expect(places).toContain(`${NVIDIA_LIBRARIES}/${name}`);
  }
  for (const place of places) expect(place.startsWith(`${NVIDIA_LIBRARIES}/`)).toBe(true);
});

test("the builds of a platform lie in different folders of the cache", () => {
  for (const platform of Object.keys(variants.cuda)) {
    expect(variants.cuda[platform]?.key).not.toBe(variants.cpu[platform]?.key);
  }
});
