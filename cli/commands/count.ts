/** `nasturtium count`: what the network of a genotype costs, without an edge. */

import { existsSync } from "node:fs";
import { countGenotype } from "../../shared/count.ts";
import { type Genotype, genotypeSchema, parseGenotype } from "../../shared/genotype.ts";
import { genotypes } from "../../shared/genotypes.ts";
import { resolveSpace } from "../../shared/space.ts";
import { didYouMean } from "../../shared/suggest.ts";
import { type CommandRow, integer, oneOf } from "../command.ts";
import { badInput, reasonOf } from "../errors.ts";
import { readText } from "../specificationFile.ts";
import { textTable } from "../table.ts";

/** The image that each stem is counted on: CIFAR's and ImageNet's. */
const IMAGES = {
  cifar: { height: 32, width: 32, channels: 3 },
  imagenet: { height: 224, width: 224, channels: 3 },
} as const;

export const count: CommandRow = {
  name: "count",
  args: "<genotype>",
  description: "count parameters and MACs of a genotype: a file, a published name, or - for stdin",
  options: [
    {
      flags: "--channels <c>",
      description: "channels of the first cells",
      parse: integer("--channels", 1),
      required: true,
    },
    { flags: "--layers <l>", description: "cells", parse: integer("--layers", 1), required: true },
    { flags: "--classes <k>", description: "classes", parse: integer("--classes", 1), required: true },
    {
      flags: "--stem <kind>",
      description: "cifar or imagenet",
      default: "cifar",
      parse: oneOf("--stem", Object.keys(IMAGES)),
    },
    { flags: "--space <name>", description: "search space of the genotype (default: as the genotype says)" },
    {
      flags: "--auxiliary",
      description: "fail where the auxiliary classifier does not fit, rather than leave it out",
    },
  ],
  async run(ctx, [source = ""], options) {
    const genotype = await readGenotype(source, options.space as string | undefined);
    const stem = options.stem as keyof typeof IMAGES;
    const size = {
      channels: options.channels as number,
      layers: options.layers as number,
      classes: options.classes as number,
      stem,
      image: IMAGES[stem],
    };
    const cost = countOrRefuse(genotype, size, options.auxiliary === true);
    ctx.print(
      cost,
      textTable(
        Object.entries(cost).map(([what, value]) => ({ what, value })),
        { what: "", value: "" },
      ).trim(),
    );
  },
};

function countOrRefuse(
  genotype: Genotype,
  size: Omit<Parameters<typeof countGenotype>[1], "auxiliary">,
  needsAuxiliary: boolean,
) {
  const failures: unknown[] = [];
  for (const auxiliary of needsAuxiliary ? [true] : [true, false]) {
    try {
      const { parameters, parametersWithAuxiliary, macs, activationBytes, modelBytes } = countGenotype(
        genotype,
        {
          ...size,
          auxiliary,
        },
      );
      return { parameters, parametersWithAuxiliary, macs, activationBytes, modelBytes };
    } catch (error) {
      failures.push(error); // a network may be too small for the auxiliary classifier
    }
  }
  throw badInput(
    `This network cannot be built: ${reasonOf(failures.at(-1))}`,
    "Check the genotype and its size.",
  );
}

/**
 * @param source file, published name, or `-`
 * @throws CliError when there is no such genotype or its text is not one
 */
export async function readGenotype(source: string, space?: string): Promise<Genotype> {
  const known = Object.hasOwn(genotypes, source) ? genotypes[source] : undefined;
  if (known) return known;
  if (source !== "-" && !existsSync(source)) {
    throw badInput(
      `"${source}" is neither a file nor a published genotype.`,
      didYouMean(source, Object.keys(genotypes)),
    );
  }
  const text = await readText(source);
  try {
    const name = space === undefined ? undefined : resolveSpace(space).name;
    if (!text.trimStart().startsWith("{")) return parseGenotype(text, name);
    const genotype = genotypeSchema.parse(JSON.parse(text));
    return { ...genotype, space: name ?? genotype.space };
  } catch (error) {
    throw badInput(
      `${source === "-" ? "Stdin" : source} is not a genotype: ${reasonOf(error)}`,
      "Give DARTS text such as Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), ...).",
    );
  }
}
