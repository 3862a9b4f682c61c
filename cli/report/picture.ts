/** A picture of the dashboard in a report: one SVG for both themes, with its sentence and its figures. */

import { type ComponentChild, h } from "preact";
import { asSvg } from "../../dashboard/pictures/echarts.ts";
import type { Mark } from "../../dashboard/pictures/marks.ts";
import { type Palette, palettes } from "../../dashboard/pictures/palette.ts";
import type { PictureSpec } from "../../dashboard/pictures/spec.ts";
import { hint, scrolled, table } from "./parts.ts";

interface Picture<T> {
  title: string;
  /** A function of dashboard/pictures. */
  draw: (data: T, palette: Palette) => PictureSpec;
  data: T;
  marks?: readonly Mark[];
  /** Said below it. */
  note?: string | undefined;
  heightPixels?: number;
}

const widthPixels = 880;
const mostRows = 100;

/** The pictures of one report, which share their colours. */
export class Pictures {
  readonly #colours = new Map<string, number>();
  #drawn = 0;

  draw<T>({ title, draw, data, marks = [], note, heightPixels = 360 }: Picture<T>): ComponentChild {
    const size = { width: widthPixels, height: heightPixels };
    const light = draw(data, palettes.light);
    const svg = this.#inBothThemes(asSvg(light, size), asSvg(draw(data, palettes.dark), size));
    const { columns, rows } = light.table;
    return h(
      "figure",
      { class: "picture" },
      h("figcaption", null, h("h3", null, title), this.#legend(marks)),
      scrolled(
        title,
        h("div", {
          class: "drawing",
          role: "img",
          "aria-label": light.summary,
          // ECharts escapes every text that it writes.
          dangerouslySetInnerHTML: { __html: svg },
        }),
      ),
      hint(light.summary, note === undefined ? null : ` ${note}`),
      rows.length === 0
        ? null
        : h(
            "details",
            null,
            h("summary", null, rows.length > mostRows ? `The first ${mostRows} figures` : "The figures"),
            scrolled(`Figures: ${title}`, table(columns, rows.slice(0, mostRows))),
          ),
    );
  }

  #legend(marks: readonly Mark[]): ComponentChild {
    if (marks.length === 0) return null;
    return h(
      "ul",
      { class: "legend" },
      marks.map(({ shape, color, text }) =>
        h(
          "li",
          { key: text },
          h("span", {
            class: `legend-mark ${shape}`,
            style: { color: this.#colour(color(palettes.light), color(palettes.dark)) },
            "aria-hidden": "true",
          }),
          text,
        ),
      ),
    );
  }

  /** Declarations of the colours, for a style sheet. */
  css(theme: "light" | "dark"): string {
    const at = theme === "light" ? 0 : 1;
    return [...this.#colours]
      .map(([pair, number]) => `--picture-${number}: ${pair.split("|")[at]};`)
      .join("\n");
  }

  /** One drawing whose colours follow the theme; both where they differ in more than colours. */
  #inBothThemes(light: string, dark: string): string {
    const ids = `picture-${this.#drawn++}-`;
    const [one, other] = [plain(light, ids), plain(dark, `${ids}dark-`)];
    const others = other.match(colour) ?? [];
    const shape = (svg: string) => svg.replace(colour, "").replaceAll(`${ids}dark-`, ids);
    if (shape(one) !== shape(other))
      return `<div class="only-light">${one}</div><div class="only-dark">${other}</div>`;
    let index = 0;
    return one.replace(colour, (found) => this.#colour(found, others[index++] ?? found));
  }

  #colour(light: string, dark: string): string {
    if (light === dark) return light;
    const pair = `${light}|${dark}`;
    if (!this.#colours.has(pair)) this.#colours.set(pair, this.#colours.size);
    return `var(--picture-${this.#colours.get(pair)})`;
  }
}

/** A colour that is the whole of an attribute. */
const colour = /(?<==")(?:#[0-9a-f]{6}|rgba?\([\d.,\s]+\))(?=")/gi;

/** Without what only a script could use, and with ids of its own within the document. */
const plain = (svg: string, ids: string): string =>
  svg
    .replace(/<style\s*>.*?<\/style>/s, "")
    .replace(/ (?:ecmeta_\w+|pointer-events|xmlns:xlink|baseProfile|version|class)="[^"]*"/g, "")
    .replaceAll(/(?<= id="|url\(#)zr\d+-/g, ids)
    .replaceAll(/>\s+</g, "><");
