/** Published architectures by name, for check values, demonstrations and as starting points. */

import type { CellGenotype, Genotype } from "./genotype.ts";

const SHORT_NAMES: Record<string, string> = {
  skip: "skip_connect",
  sep3: "sep_conv_3x3",
  sep5: "sep_conv_5x5",
  sep7: "sep_conv_7x7",
  dil3: "dil_conv_3x3",
  dil5: "dil_conv_5x5",
  mp3: "max_pool_3x3",
  mp5: "max_pool_5x5",
  ap3: "avg_pool_3x3",
  c1x1: "conv_1x1",
  c3x3: "conv_3x3",
  c3x1_1x3: "conv_3x1_1x3",
};

/** DARTS, first order (Liu et al. 2019). */
export const DARTS_V1 = genotype(
  "darts",
  "sep3@1 sep3@0 | skip@0 sep3@1 | skip@0 sep3@1 | sep3@0 skip@2",
  "mp3@0 mp3@1 | skip@2 mp3@0 | mp3@0 skip@2 | skip@2 ap3@0",
);

/** DARTS, second order (Liu et al. 2019). */
export const DARTS_V2 = genotype(
  "darts",
  "sep3@0 sep3@1 | sep3@0 sep3@1 | sep3@1 skip@0 | skip@0 dil3@2",
  "mp3@0 mp3@1 | skip@2 mp3@1 | mp3@0 skip@2 | skip@2 mp3@1",
);

/** P-DARTS on CIFAR-10 (Chen et al. 2019). */
export const PDARTS = genotype(
  "darts",
  "skip@0 dil3@1 | skip@0 sep3@1 | sep3@1 sep3@3 | sep3@0 dil5@4",
  "ap3@0 sep5@1 | sep3@0 dil5@2 | mp3@0 dil3@1 | dil3@1 dil5@3",
);

/** PC-DARTS on CIFAR-10 (Xu et al. 2020). */
export const PC_DARTS_cifar = genotype(
  "darts",
  "sep3@1 skip@0 | sep3@0 dil3@1 | sep5@0 sep3@1 | ap3@0 dil3@1",
  "sep5@1 mp3@0 | sep5@1 sep5@2 | sep3@0 sep3@3 | sep3@1 sep3@2",
);

/** PC-DARTS on ImageNet (Xu et al. 2020). */
export const PC_DARTS_image = genotype(
  "darts",
  "skip@1 sep3@0 | sep3@0 skip@1 | sep3@1 sep3@3 | sep3@1 dil5@4",
  "sep3@0 skip@1 | dil5@2 mp3@1 | sep3@2 sep3@1 | sep5@0 sep3@3",
);

/** The cell that TND-NAS published for CIFAR-10 (Lyu et al. 2021). */
export const TND_NAS = genotype(
  "tnd-nas",
  "sep3@0 c1x1@1 | skip@0 c3x3@1 | c1x1@0 c1x1@1 sep3@3 | c1x1@0 c3x1_1x3@1 dil3@3",
  "mp3@0 mp5@1 | mp5@0 mp3@1 mp5@2 | mp5@0 mp3@1 skip@2 mp5@3 | mp3@0 skip@1 ap3@2 mp3@3",
);

/** NASNet-A (Zoph et al. 2018) in the DARTS network, as the code of DARTS has it. */
export const NASNet = genotype(
  "inline",
  "sep5@1 sep3@0 | sep5@0 sep3@0 | ap3@1 skip@0 | ap3@0 ap3@0 | sep3@1 skip@1",
  "sep5@1 sep7@0 | mp3@1 sep7@0 | ap3@1 sep5@0 | skip@3 ap3@2 | sep3@2 mp3@1",
  { reduction: [4, 5, 6] },
);

/** All of the above by name. */
export const genotypes: Readonly<Record<string, Genotype>> = {
  DARTS_V1,
  DARTS_V2,
  PDARTS,
  PC_DARTS_cifar,
  PC_DARTS_image,
  TND_NAS,
  NASNet,
};

/** @param concat of the reduction cell; by default all its nodes */
function genotype(
  space: string,
  normal: string,
  reduction: string,
  concat: { reduction?: number[] } = {},
): Genotype {
  return { space, cells: { normal: cell(normal), reduction: cell(reduction, concat.reduction) } };
}

function cell(text: string, concat?: number[]): CellGenotype {
  const nodes = text.split("|").map((node) =>
    node
      .trim()
      .split(/\s+/)
      .map((edge) => {
        const [name = "", input] = edge.split("@");
        return { operation: SHORT_NAMES[name] ?? name, input: Number(input) };
      }),
  );
  return { nodes, concat: concat ?? nodes.map((_, index) => index + 2) };
}
