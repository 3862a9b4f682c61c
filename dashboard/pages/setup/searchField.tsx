/** One search out of the newest, by name. */

import { api, read, type Search, useCan } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { SelectField } from "../../ui/fields.tsx";

const newest = 200;

/**
 * The newest searches; empty until they are there, or where the token may not read them.
 *
 * @param when they are read again when it changes, such as the last delivery that may have started one
 */
export function useSearches(when?: unknown): readonly Search[] {
  const mayRead = useCan("searches:read");
  const searches = useData(
    mayRead ? "searches to choose from" : null,
    (signal) => read(api.searches.$get({ query: { limit: newest } }, { init: { signal } })),
    { when },
  );
  return searches.value?.data ?? [];
}

interface SearchFieldProps {
  label: string;
  hint?: string;
  problem?: string | undefined;
  /** What no choice means. */
  none: string;
  searches: readonly Pick<Search, "id" | "name">[];
  /** An id; empty for none. */
  value: string;
  onValue(id: string): void;
}

export function SearchField({ none, searches, value, ...rest }: SearchFieldProps) {
  const isListed = value === "" || searches.some(({ id }) => id === value);
  return (
    <SelectField
      {...rest}
      value={value}
      options={[
        { value: "", title: none },
        // One that is older than those listed stays as it is.
        ...(isListed ? [] : [{ value, title: value }]),
        ...searches.map(({ id, name }) => ({ value: id, title: name })),
      ]}
    />
  );
}
