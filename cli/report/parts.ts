/** What the sections of a report are made of. Text is a child everywhere, so nobody's names become markup. */

import { type ComponentChild, type ComponentChildren, h } from "preact";

export type Cell = ComponentChildren;

/** A section of its own with a heading. */
export const section = (title: string, ...children: ComponentChildren[]): ComponentChild =>
  h("section", { class: "card" }, h("h2", null, title), ...children);

/** Names and what they are; those without a value are left out. */
export const facts = (rows: readonly (readonly [name: string, value: Cell | undefined])[]): ComponentChild =>
  h(
    "dl",
    null,
    rows
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );

export const table = (columns: readonly string[], rows: readonly (readonly Cell[])[]): ComponentChild =>
  h(
    "table",
    null,
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        columns.map((column) => h("th", { key: column, scope: "col" }, column)),
      ),
    ),
    h(
      "tbody",
      null,
      rows.map((row, index) =>
        h(
          "tr",
          { key: index },
          row.map((cell, at) => h("td", { key: columns[at] }, cell)),
        ),
      ),
    ),
  );

/** What may be wider than a phone: it scrolls by itself, by keys too. */
export const scrolled = (label: string, child: ComponentChild): ComponentChild =>
  h("div", { class: "scrolled", role: "region", "aria-label": label, tabIndex: 0 }, child);

export const code = (text: string): ComponentChild => h("code", null, text);

export const hint = (...children: ComponentChildren[]): ComponentChild =>
  h("p", { class: "hint" }, ...children);
