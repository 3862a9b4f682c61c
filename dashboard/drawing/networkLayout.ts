/**
 * A whole network as blocks in a row: the larger a block, the more rows and channels its activations have. Lines over them
 * are the outputs that a later part reads beside the one before it. Pure.
 */

import type { Part, Piece } from "../../shared/count.ts";
import type { Shape } from "../../shared/layers.ts";
import { number, operationName } from "../ui/format.ts";

export interface Block {
  path: string;
  kind: string;
  title: string;
  shape: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface NetworkLayout {
  width: number;
  height: number;
  blocks: Block[];
  /** Paths of SVG. */
  arcs: { id: string; path: string }[];
  /** Where shapes are written. */
  textY: number;
  text: string;
}

const gap = 10;
const tallest = 130;
const widest = 44;
const narrowest = 12;
const arcRoom = 34;
const letterWidth = 7.4;

export function networkLayout(parts: readonly Part[], image: Shape): NetworkLayout {
  const largest = Math.max(image.height, ...parts.map(({ output }) => output.height));
  const most = Math.max(image.channels, ...parts.map(({ output }) => output.channels));
  const textY = arcRoom + tallest + 16;
  let x = gap;
  let labelled = "";
  let labelEnd = 0;
  const place = (path: string, kind: string, title: string, shape: Shape): Block => {
    const height = Math.max(8, tallest * Math.sqrt(shape.height / largest));
    const width = narrowest + (widest - narrowest) * Math.sqrt(shape.channels / most);
    // Where a shape is written, the one before it must have ended.
    if (shapeText(shape) !== labelled) x = Math.max(x, labelEnd);
    const block = {
      path,
      kind,
      title,
      shape: shapeText(shape),
      x,
      y: arcRoom + (tallest - height) / 2,
      width,
      height,
    };
    if (block.shape !== labelled) labelEnd = x + block.shape.length * letterWidth + gap;
    labelled = block.shape;
    x += width + gap;
    return block;
  };
  const blocks = [
    place("image", "image", "image", image),
    ...parts.map(({ path, kind, output }) => place(path, kind, partTitle({ path, kind }), output)),
  ];
  const arcs = parts.flatMap(({ reads, path }, index) =>
    reads
      .filter((read) => read < index - 1)
      .flatMap((read) => {
        const [from, to] = [blocks[read + 1], blocks[index + 1]];
        return from === undefined || to === undefined
          ? []
          : [{ id: `${read} ${path}`, path: arcOf(from, to) }];
      }),
  );
  const text = parts
    .map(({ path, kind, output }) => `${partTitle({ path, kind })} gives ${shapeText(output)}`)
    .join("; ");
  return {
    width: Math.max(x, labelEnd),
    height: textY + 8,
    blocks,
    arcs,
    textY,
    text: `The image of ${shapeText(image)}; ${text}.`,
  };
}

function arcOf(from: Block, to: Block): string {
  const [start, end] = [from.x + from.width / 2, to.x + to.width / 2];
  return `M${start},${from.y} C${start},${arcRoom - 30} ${end},${arcRoom - 30} ${end},${to.y}`;
}

export const shapeText = ({ height, width, channels }: Shape): string =>
  height === 1 && width === 1 ? number(channels) : `${height}×${width}×${channels}`;

const titles: Record<string, string> = {
  stem: "Stem",
  head: "Classifier",
  normal: "Normal cell",
  reduction: "Reduction cell",
  residual: "Residual block",
};

/** `Stem`, `Reduction cell 3`, `Classifier`. */
export function partTitle({ path, kind }: Pick<Part, "path" | "kind">): string {
  const title = Object.hasOwn(titles, kind) ? (titles[kind] ?? kind) : kind;
  const [, index] = /^(?:cells|stems)\.(\d+)$/.exec(path) ?? [];
  return index === undefined ? title : `${title} ${Number(index) + 1}`;
}

/** What a piece does, in words. */
export function pieceTitle({ role, operation, from, to }: Piece, inputs: number): string {
  const node = (index: number | undefined) =>
    index === undefined ? "" : index < inputs ? `input ${index + 1}` : `node ${index - inputs}`;
  if (role === "operation") return `${operationName(operation ?? "")}, ${node(from)} to ${node(to)}`;
  if (role === "prepare") return `fits input ${(from ?? 0) + 1}`;
  return { stem: "convolution and norm", nodes: "sums and output", head: "average and linear layer" }[role];
}
