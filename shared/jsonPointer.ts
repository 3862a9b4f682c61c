/** JSON pointers (RFC 6901). */

/** A pointer to something within a document, not to all of it. */
export const jsonPointerPattern = /^(?:\/(?:[^~/]|~[01])*)+$/;
const arrayIndex = /^(?:0|[1-9]\d*)$/;

export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** What stands at a pointer; undefined where nothing does. */
export function valueAt(document: unknown, pointer: string): unknown {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  let value = document;
  for (const key of keys) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && !arrayIndex.test(key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
