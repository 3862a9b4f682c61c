import { expect, test } from "vitest";
import { DARTS_V2 } from "./genotypes.ts";
import { deriveNetwork } from "./network.ts";
import { graphOf } from "./networkGraph.ts";

const image = { height: 32, width: 32, channels: 3 };
const graph = graphOf(
  deriveNetwork({ genotype: DARTS_V2, auxiliary: false, channels: 36, layers: 20, classes: 10, image }),
);

test("every part reads parts that come before it, or the image, or a node that others add up to", () => {
  const known = new Set(["image"]);
  for (const { path, from, to } of graph.parts) {
    for (const name of from) expect(known, `${path} reads ${name}`).toContain(name);
    known.add(to ?? path);
  }
});

test("shapes are those of the layers: from the image to a score for each class", () => {
  expect(graph.image).toEqual([32, 32, 3]);
  expect(graph.parts[0]).toMatchObject({ path: "stem", from: ["image"], output: [32, 32, 108] });
  expect(graph.parts.find(({ path }) => path === "cells.19")?.output).toEqual([8, 8, 576]);
  expect(graph.parts.at(-1)).toMatchObject({ from: ["cells.19"], output: [1, 1, 10] });
  const reduced = graph.parts.flatMap(({ layers }) => layers).find(({ kind }) => kind === "concat");
  expect(reduced?.branches).toHaveLength(2);
});

test("the largest usual network's graph fits a request", () => {
  expect(JSON.stringify(graph).length).toBeLessThan(150_000);
});
