/** Patterns for names with slashes, refs and paths, as GitHub's filters write them. */

const tokenPattern = /\*\*\/|\*\*|[\s\S]/gu;

/**
 * Whether a whole name matches: `*` is any text without a slash, `**` any text, `?` one character but a slash, and
 * `**` with a slash behind it any folders or none. Takes time in proportion to the product of the lengths.
 *
 * @example globMatches("refs/tags/v*", "refs/tags/v1.2") // true
 */
export function globMatches(pattern: string, name: string): boolean {
  const characters = [...name];
  const end = characters.map(() => false).concat(true);
  const tokens = pattern.match(tokenPattern) ?? [];
  return tokens.reduceRight((after, token) => startsOf(token, characters, after), end)[0] === true;
}

/**
 * Whether a token and those behind it match the rest of a name, by the character at which the rest begins.
 *
 * @param after the same of those behind it
 */
function startsOf(token: string, characters: readonly string[], after: readonly boolean[]): boolean[] {
  const starts = after.map(() => false);
  let isFolderAhead = false;
  for (let at = characters.length; at >= 0; at--) {
    const character = characters[at];
    const isNothing = after[at] === true;
    const isOneMore = starts[at + 1] === true;
    const isNext = after[at + 1] === true;
    isFolderAhead ||= character === "/" && isNext;
    if (token === "**") starts[at] = isNothing || isOneMore;
    else if (token === "**/")
      starts[at] = isFolderAhead || (isNothing && (characters[at - 1] ?? "/") === "/");
    else if (token === "*") starts[at] = isNothing || (isOneMore && character !== "/");
    else starts[at] = isNext && (token === "?" ? character !== "/" : character === token);
  }
  return starts;
}
