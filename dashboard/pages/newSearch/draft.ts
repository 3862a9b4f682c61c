/**
 * The specification while it is written: one text, YAML or JSON. Form and checks read it, and the form writes it, so that
 * comments and order of what somebody typed stay. Pure.
 */

import { Document, isCollection, isNode, parseDocument, stringify } from "yaml";

export type Format = "yaml" | "json";

export interface Draft {
  format: Format;
  text: string;
}

export type Path = readonly (string | number)[];
export type Value = Readonly<Record<string, unknown>>;

export type Parsed = { value: Value; fault: null } | { value: null; fault: string };

const mostCharacters = 200_000;

/** What the text says, or why it says nothing. */
export function parsed({ format, text }: Draft): Parsed {
  if (text.length > mostCharacters) return faulty("The text is longer than any specification is.");
  if (text.trim() === "") return { value: {}, fault: null };
  try {
    const value: unknown = format === "json" ? JSON.parse(text) : yamlValue(parseDocument(text));
    return isMapping(value)
      ? { value, fault: null }
      : faulty("A specification has keys and values. Begin with one, such as name: my-search.");
  } catch (error) {
    return faulty(error instanceof Error ? error.message : String(error));
  }
}

const faulty = (fault: string): Parsed => ({ value: null, fault });

function yamlValue(document: Document): unknown {
  const [error] = document.errors;
  // Further lines draw where it is, which the page does itself.
  if (error !== undefined) throw new Error(error.message.split("\n")[0]?.replace(/:$/, "."));
  return document.toJS({ maxAliasCount: 100 });
}

export const isMapping = (value: unknown): value is Value =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The draft with another value at a path; without one where it is undefined. The text must be without fault. */
export function edited(draft: Draft, path: Path, value: unknown): Draft {
  const read = parseDocument(draft.text);
  const document: Document = isCollection(read.contents) ? read : new Document({});
  if (value === undefined) remove(document, path);
  else {
    path.slice(1).forEach((_, index) => {
      const above = path.slice(0, index + 1);
      if (!isCollection(document.getIn(above, true))) document.setIn(above, document.createNode({}));
    });
    // A plain value takes the place of another within its node, so that a comment beside it stays.
    document.setIn(path, typeof value === "object" ? document.createNode(value) : value);
  }
  return written(draft.format, document);
}

/** Mappings that become empty go with it. */
function remove(document: Document, path: Path): void {
  if (!document.hasIn(path)) return;
  document.deleteIn(path);
  const above = path.slice(0, -1);
  const holder = document.getIn(above, true);
  if (above.length > 0 && isCollection(holder) && holder.items.length === 0) remove(document, above);
}

function written(format: Format, document: Document): Draft {
  if (format === "json") return { format, text: json(document.toJS()) };
  return { format, text: document.toString({ lineWidth: 100, flowCollectionPadding: true }) };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const draftOf = (value: unknown, format: Format = "yaml"): Draft => ({
  format,
  text: format === "json" ? json(value) : stringify(value, { lineWidth: 100 }),
});

/** Where the text has what a pointer names, or what is around it. JSON is YAML, too. */
export function placeOf({ text }: Draft, pointer: string): [from: number, to: number] | null {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const document = parseDocument(text);
  for (let length = keys.length; length > 0; length--) {
    const path = keys.slice(0, length).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const node = document.getIn(path, true);
    if (isNode(node) && node.range) return [node.range[0], node.range[1]];
  }
  return null;
}
