/** The same choice as a call of the API, and what it chose as text. */

import type { FrontRow, Search } from "../../app/api.ts";
import type { Constraint } from "../../choice/recommend.ts";
import { CopyButton } from "../../ui/controls.tsx";

interface ApiCallProps {
  search: Search;
  constraints: readonly Constraint[];
  row: FrontRow | null;
}

export function ApiCall({ search, constraints, row }: ApiCallProps) {
  const call = curlOf(location.origin, search, constraints);
  return (
    <section class="card" aria-labelledby="call-title">
      <h2 id="call-title">Take it from here</h2>
      <h3>The same choice by the API</h3>
      <pre>{call}</pre>
      <div class="buttons">
        <CopyButton text={call} what="call" />
      </div>
      {row !== null && (
        <>
          <h3>Its genotype</h3>
          <pre>{row.text}</pre>
          <div class="buttons">
            <CopyButton text={row.text} what="genotype as text" />
            <CopyButton text={JSON.stringify(row.genotype)} what="genotype as JSON" />
          </div>
        </>
      )}
    </section>
  );
}

/** The most accurate within the constraints. */
function curlOf(
  edge: string,
  { id, visibility }: Pick<Search, "id" | "visibility">,
  constraints: readonly Constraint[],
): string {
  const query = new URLSearchParams(
    constraints.map(({ objective, kind, value }) => [`${kind}_${objective}`, String(value)]),
  );
  query.set("sort", "-accuracy");
  query.set("limit", "1");
  const header = visibility === "public" ? "" : ' -H "Authorization: Bearer $NASTURTIUM_TOKEN" \\\n ';
  return `curl${header} "${edge}/v1/searches/${encodeURIComponent(id)}/front?${query}"`;
}
