/** Which deployment a machine is of, where a provider keeps it beside the name. Names are `nas-<deployment>-...`. */

/**
 * @returns null where the name, or the beginning of one, does not have the whole of it
 * @example deploymentOf("nas-d1-s1-1-t1785542400") // "nas-d1"
 */
export const deploymentOf = (name: string): string | null => /^(nas-[a-z0-9]+)-/.exec(name)?.[1] ?? null;
