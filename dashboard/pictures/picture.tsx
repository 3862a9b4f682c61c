/**
 * A picture on the page: drawn on a canvas by ECharts, which is loaded when the first one comes into view. Hovering shows a
 * card of ours, dragging zooms, clicking chooses; buttons and a table do the same for who uses no pointer.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { appearance } from "../app/appearance.ts";
import { useStore } from "../app/store.ts";
import { Button } from "../ui/controls.tsx";
import { download } from "../ui/download.ts";
import { toast } from "../ui/toasts.tsx";
import { axesOf, type Range, rangeOf, scaled, useChart } from "./chart.ts";
import { Figures } from "./figures.tsx";
import { areaAt, type Band, bandOf, nearestPoint } from "./nearest.ts";
import { type Palette, palettes } from "./palette.ts";
import type { PictureSpec } from "./spec.ts";

/** What the pointer is on. */
interface Found {
  key: string;
  /** Among points behind the prominent ones; negative for all else. */
  place: number;
}

interface PictureProps<T> {
  /** A heading; also names its files. */
  title: string;
  /** A pure function of this folder. */
  draw: (data: T, palette: Palette) => PictureSpec;
  /** Kept by the page with useMemo: another object is drawn anew. */
  data: T;
  /** A point was clicked, or chosen in the table. */
  onSelect?: (key: string) => void;
  /**
   * What is shown beside a point while the pointer is on it.
   *
   * @param place among those behind the prominent ones, whose keys may not be the only ones; negative for these
   */
  card?: (key: string, place: number) => ComponentChildren;
  /** What its axes are: with others, all is shown again. */
  frame?: string;
  /** A part of one of parallel axes was marked. */
  onBand?: (band: Band) => void;
  /** Below the title: choices of what is drawn. */
  children?: ComponentChildren;
}

const hitPixels = 14;
/** A shorter drag is a click that slipped. */
const dragPixels = 6;

export function Picture<T>({ title, draw, data, onSelect, card, frame, onBand, children }: PictureProps<T>) {
  const theme = useStore(appearance);
  const spec = useMemo(() => draw(data, palettes[theme]), [draw, data, theme]);
  const holder = useRef<HTMLDivElement>(null);
  const ground = useRef<HTMLCanvasElement>(null);
  const { chart, hasFailed, show } = useChart({ holder, ground }, spec);
  const [zoom, setZoom] = useState<Range | null>(null);
  const [hover, setHover] = useState<(Found & { x: number; y: number }) | null>(null);
  const [brush, setBrush] = useState<{ x: number; y: number; toX: number; toY: number } | null>(null);

  const changeZoom = (range: Range | null) => {
    setZoom(range);
    show(range);
  };
  useEffect(() => {
    if (zoom !== null) changeZoom(null);
  }, [frame]);
  const found = (event: PointerEvent): Found | null => {
    if (chart === null || (spec.points ?? spec.areas) === undefined) return null;
    const at = placeIn(event, holder.current);
    const axes = axesOf(chart);
    if (axes === null) return null;
    const area = spec.areas && areaAt(spec.areas, axes, at);
    if (area != null) return { key: area, place: -1 };
    const index = spec.points && nearestPoint(spec.points, axes, at, hitPixels);
    const key = index == null ? undefined : spec.points?.keys[index];
    if (index == null || key === undefined) return null;
    return { key, place: index - (spec.points?.prominent ?? 0) };
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    if (spec.zooms !== true && spec.bands === undefined) return;
    const { x, y } = placeIn(event, holder.current);
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    setHover(null);
    setBrush({ x, y, toX: x, toY: y });
  };
  const onPointerMove = (event: PointerEvent) => {
    const at = placeIn(event, holder.current);
    if (brush !== null) return setBrush({ ...brush, toX: at.x, toY: at.y });
    const now = found(event);
    setHover((before) => {
      if (now === null) return null;
      return before?.key === now.key && before.place === now.place ? before : { ...now, ...at };
    });
  };
  const onPointerUp = (event: PointerEvent) => {
    const drawn = brush;
    setBrush(null);
    const isDrag =
      drawn !== null && Math.hypot(drawn.toX - drawn.x, drawn.toY - drawn.y) > dragPixels && chart !== null;
    if (isDrag && spec.bands !== undefined)
      return onBand?.(bandOf(spec.bands, { width: chart.getWidth(), height: chart.getHeight() }, drawn));
    if (isDrag) return changeZoom(rangeOf(chart, drawn));
    const now = found(event);
    if (now !== null) onSelect?.(now.key);
  };

  const name = title.toLowerCase();
  return (
    <figure class="picture card">
      <figcaption>
        <h2>{title}</h2>
        {children}
      </figcaption>
      <div class="picture-area">
        <canvas class="picture-ground" ref={ground} />
        <div
          class="picture-canvas"
          ref={holder}
          role="img"
          aria-label={spec.summary}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={() => setBrush(null)}
          onPointerLeave={() => setHover(null)}
        />
        {chart === null && !hasFailed && <span class="bone picture-wait" aria-hidden="true" />}
        {hasFailed && (
          <p class="picture-wait">The picture could not be loaded. The table below has its figures.</p>
        )}
        {brush !== null && <div class="picture-brush" style={boxOf(brush)} />}
        {hover !== null && card !== undefined && (
          <HoverCard at={hover} within={holder.current}>
            {card(hover.key, hover.place)}
          </HoverCard>
        )}
      </div>
      <p class="hint">{spec.summary}</p>
      <div class="buttons small">
        {spec.zooms === true && (
          <>
            <Button tone="quiet" onClick={() => chart !== null && changeZoom(scaled(chart, 0.5))}>
              Zoom in
            </Button>
            <Button
              tone="quiet"
              disabled={zoom === null}
              onClick={() => chart !== null && changeZoom(scaled(chart, 2))}
            >
              Zoom out
            </Button>
            <Button tone="quiet" disabled={zoom === null} onClick={() => changeZoom(null)}>
              Show all
            </Button>
          </>
        )}
        <Button tone="quiet" onClick={() => save("svg", spec, name, holder.current, palettes[theme].card)}>
          SVG
        </Button>
        <Button tone="quiet" onClick={() => save("png", spec, name, holder.current, palettes[theme].card)}>
          PNG
        </Button>
      </div>
      <Figures title={title} spec={spec} onSelect={onSelect} />
    </figure>
  );
}

interface HoverCardProps {
  at: { x: number; y: number };
  within: HTMLElement | null;
  children: ComponentChildren;
}

/** On the side of the point where there is more room. */
function HoverCard({ at, within, children }: HoverCardProps) {
  const [width, height] = [within?.clientWidth ?? 0, within?.clientHeight ?? 0];
  const across = at.x > width / 2 ? { right: `${width - at.x + 16}px` } : { left: `${at.x + 16}px` };
  const up = at.y > height / 2 ? { bottom: `${height - at.y}px` } : { top: `${at.y}px` };
  return (
    <div class="picture-card card" style={{ ...across, ...up }} aria-hidden="true">
      {children}
    </div>
  );
}

function placeIn(event: PointerEvent, element: HTMLElement | null): { x: number; y: number } {
  const box = element?.getBoundingClientRect();
  return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
}

interface Box {
  x: number;
  y: number;
  toX: number;
  toY: number;
}

function boxOf({ x, y, toX, toY }: Box): Record<string, string> {
  return {
    left: `${Math.min(x, toX)}px`,
    top: `${Math.min(y, toY)}px`,
    width: `${Math.abs(toX - x)}px`,
    height: `${Math.abs(toY - y)}px`,
  };
}

async function save(
  format: "svg" | "png",
  spec: PictureSpec,
  name: string,
  element: HTMLElement | null,
  ground: string,
): Promise<void> {
  const size = { width: element?.clientWidth || 800, height: element?.clientHeight || 400, ground };
  try {
    const [{ asPng }, { asSvg }] = await Promise.all([import("./canvas.ts"), import("./echarts.ts")]);
    if (format === "svg") return download(`${name}.svg`, asSvg(spec, size), "image/svg+xml");
    const blob = await asPng(spec, size);
    if (blob !== null) return download(`${name}.png`, blob);
  } catch {
    // Told below: it may be too large for the browser, or ECharts could not be loaded.
  }
  toast("The picture could not be saved.", "bad");
}
