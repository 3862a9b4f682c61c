/** What the marks of a picture mean, as text beside it: the picture itself stays free of words. */

import { appearance } from "../app/appearance.ts";
import { useStore } from "../app/store.ts";
import type { Mark } from "./marks.ts";
import { palettes } from "./palette.ts";

export function Legend({ marks }: { marks: readonly Mark[] }) {
  const palette = palettes[useStore(appearance)];
  return (
    <ul class="legend" aria-label="What is drawn">
      {marks.map(({ shape, color, text }) => (
        <li key={text}>
          <span class={`legend-mark ${shape}`} style={{ color: color(palette) }} aria-hidden="true" />
          {text}
        </li>
      ))}
    </ul>
  );
}
