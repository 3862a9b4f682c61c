/** A report as one HTML file that needs nothing else: no script, no request, readable on screens and on paper. */

import { readFileSync } from "node:fs";
import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { version } from "../../shared/version.ts";
import type { ReportData } from "./data.ts";
import { Pictures } from "./picture.ts";
import { sections } from "./sections.ts";

/** Were a name ever to become markup, it could neither run nor load anything. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function reportDocument(data: ReportData): string {
  const pictures = new Pictures();
  const body = renderToString(h(Page, { data, pictures }));
  const title = renderToString(h("title", null, `${data.search.name} · report`));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Nasturtium ${version}">
${title}
<style>
${styleSheet(pictures)}
</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const Page = ({ data, pictures }: { data: ReportData; pictures: Pictures }) =>
  h(
    "main",
    null,
    h(
      "header",
      null,
      h("p", { class: "brand" }, "Nasturtium report"),
      h("h1", null, data.search.name),
      h("p", { class: "hint" }, stateText(data)),
      data.search.failure === null ? null : h("p", { class: "failure" }, data.search.failure),
    ),
    sections.map((section) => section(data, pictures)),
    h(
      "footer",
      null,
      h("p", { class: "hint" }, `Made by Nasturtium ${version} on ${timeText(data.madeAt)}.`),
    ),
  );

const timeText = (date: Date): string => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

function stateText({ search: { id, state, startedAt, finishedAt } }: ReportData): string {
  const times = [
    startedAt === null ? [] : `started ${timeText(new Date(startedAt))}`,
    finishedAt === null ? [] : `ended ${timeText(new Date(finishedAt))}`,
  ].flat();
  return [`Search ${id}`, state, ...times].join(" · ");
}

const cssOf = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

/** The dashboard's colours and drawings, with two themes that older browsers and printers know, too. */
function styleSheet(pictures: Pictures): string {
  const theme = cssOf("../../dashboard/theme.css");
  const pairs = [...theme.matchAll(/(--[\w-]+): light-dark\((.+), (.+)\);/g)];
  const colours = (at: "light" | "dark") =>
    [
      ...pairs.map(([, name, light, dark]) => `${name}: ${at === "light" ? light : dark};`),
      pictures.css(at),
    ].join("\n");
  return [
    `:root { color-scheme: light;\n${colours("light")} }`,
    `@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark;\n${colours("dark")} } }`,
    cssOf("../../dashboard/drawing/drawing.css"),
    cssOf("../../dashboard/pictures/legend.css"),
    cssOf("report.css"),
  ].join("\n");
}
