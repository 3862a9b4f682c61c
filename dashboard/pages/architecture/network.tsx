/** The whole network: a drawing, and a table of its parts with shapes and counts that add up to the totals. */

import { useMemo } from "preact/hooks";
import { networkParts, type Part } from "../../../shared/count.ts";
import { deriveNetwork } from "../../../shared/network.ts";
import type { Architecture } from "../../app/api.ts";
import { NetworkDrawing } from "../../drawing/network.tsx";
import { networkLayout, partTitle, pieceTitle, shapeText } from "../../drawing/networkLayout.ts";
import { bytes, number, percent, whole } from "../../ui/format.ts";
import { Scrolled } from "../../ui/scrolled.tsx";

interface WholeNetworkProps {
  genotype: Architecture["genotype"];
  size: NonNullable<Architecture["size"]>;
  counts: NonNullable<Architecture["counts"]>;
}

export function WholeNetwork({ genotype, size, counts }: WholeNetworkProps) {
  const key = JSON.stringify([genotype, size]);
  const parts = useMemo(() => networkParts(deriveNetwork({ ...size, genotype, auxiliary: false })), [key]);
  const layout = useMemo(() => networkLayout(parts, size.image), [parts]);
  const { skeleton, channels, layers, classes } = size;
  return (
    <section class="card" aria-labelledby="network-title">
      <h2 id="network-title">The whole network</h2>
      <p class="hint">
        {whole(layers)} cells, {whole(channels)} channels at first, {whole(classes)} classes. The taller a
        block, the larger its images; the wider, the more channels.
      </p>
      <Scrolled class="network-scroll" label="Drawing of the whole network">
        <NetworkDrawing layout={layout} />
      </Scrolled>
      <ul class="legend" aria-label="Colours">
        {[...new Set(parts.map(({ kind }) => kind))].map((kind) => (
          <li key={kind}>
            <span class={`key ${kind}`} aria-hidden="true" />
            {partTitle({ path: "", kind })}
          </li>
        ))}
      </ul>
      <Parts parts={parts} counts={counts} inputs={skeleton === "cells" ? 2 : 1} />
    </section>
  );
}

interface PartsProps {
  parts: readonly Part[];
  counts: WholeNetworkProps["counts"];
  /** Of a cell. */
  inputs: number;
}

const Parts = ({ parts, counts, inputs }: PartsProps) => (
  <div class="parts">
    <div class="part-row part-head" aria-hidden="true">
      <span>Part</span>
      <span>Output</span>
      <span>Parameters</span>
      <span>MACs</span>
      <span>Activations</span>
    </div>
    {parts.map((part) => (
      <details key={part.path}>
        <summary class="part-row">
          <strong>{partTitle(part)}</strong>
          <Cells shape={shapeText(part.output)} cost={part.cost} total={counts} />
        </summary>
        {part.pieces.map((piece, index) => (
          <div class="part-row piece" key={`${piece.role} ${index}`}>
            <span>{pieceTitle(piece, inputs)}</span>
            <Cells shape={`${shapeText(piece.input)} → ${shapeText(piece.output)}`} cost={piece.cost} />
          </div>
        ))}
      </details>
    ))}
    <div class="part-row part-total">
      <strong>Total</strong>
      <Cells shape="" cost={counts} />
    </div>
    <p class="hint">
      Stored: {bytes(counts.modelBytes)}, batch norms being part of the convolutions before them.
      {counts.parametersWithAuxiliary > counts.parameters &&
        ` A second classifier, in training only, has ${number(counts.parametersWithAuxiliary - counts.parameters)} more parameters.`}
    </p>
  </div>
);

interface CellsProps {
  shape: string;
  cost: Pick<Part["cost"], "parameters" | "macs" | "activationBytes">;
  /** With it, the share of each is told, too. */
  total?: { parameters: number; macs: number };
}

function Cells({ shape, cost: { parameters, macs, activationBytes }, total }: CellsProps) {
  const share = (value: number, of: number | undefined) =>
    of === undefined || of === 0 ? null : (
      <span
        class="share"
        style={{ inlineSize: `${Math.max(1, (100 * value) / of)}%` }}
        title={percent(value / of)}
      />
    );
  return (
    <>
      <span class="shape">{shape}</span>
      <span class="count" data-title="parameters">
        {whole(parameters)}
        {share(parameters, total?.parameters)}
      </span>
      <span class="count" data-title="MACs">
        {whole(macs)}
        {share(macs, total?.macs)}
      </span>
      <span class="count" data-title="activations">
        {bytes(activationBytes)}
      </span>
    </>
  );
}
