/** Values of placeholders as they are typed. Pure. */

/** A number, true or false where it is one, a text in quotes without them, else the text. @example typedValue("7") // 7 */
export function typedValue(text: string): string | number | boolean {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") return value;
  } catch {
    // A text that is no JSON is what it is.
  }
  return text;
}
