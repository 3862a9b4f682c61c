/** A whole network as SVG with the same in words. No hooks: the report renders it in Node. */

import type { NetworkLayout } from "./networkLayout.ts";

export const NetworkDrawing = ({
  layout: { width, height, blocks, arcs, textY, text },
}: {
  layout: NetworkLayout;
}) => (
  <svg
    class="network-drawing"
    viewBox={`0 0 ${width} ${height}`}
    width={width}
    height={height}
    role="img"
    aria-label={`The whole network. ${text}`}
  >
    {arcs.map(({ id, path }) => (
      <path key={id} class="network-arc" d={path} />
    ))}
    {blocks.map((block, index) => (
      <g key={block.path} class={`network-block ${block.kind}`}>
        <title>{`${block.title}: ${block.shape}`}</title>
        <rect x={block.x} y={block.y} width={block.width} height={block.height} rx="4" />
        {(index === 0 || blocks[index - 1]?.shape !== block.shape) && (
          <text x={block.x} y={textY}>
            {block.shape}
          </text>
        )}
      </g>
    ))}
  </svg>
);
