/** Addresses of the dashboard that an edge serves. */

/**
 * @param place of a page in it, such as `/searches/ID`
 * @param token signs in with it; it is in the fragment, which no server sees
 */
export const dashboardLink = (edge: string, place: string, token?: string): string =>
  token === undefined ? `${edge}/#${place}` : `${edge}/#token=${token}&go=${encodeURIComponent(place)}`;
