/** One view of a search by itself. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, isFinished, read, type Search } from "../../../app/api.ts";
import { addresses } from "../../../app/place.ts";
import type { PageProps } from "../../../app/routes.ts";
import { useData } from "../../../app/useData.ts";
import { PageHead } from "../../../ui/page.tsx";
import { Loaded, Loading } from "../../../ui/states.tsx";

type View = ComponentType<{ id: string; search: Search }>;

const views: Record<string, () => Promise<{ default: View }>> = {
  objectives: () => import("./objectives.tsx"),
  policy: () => import("./policy.tsx"),
  timeline: () => import("./timeline.tsx"),
};

export default function ViewPage({ params: { id = "", view = "" } }: PageProps) {
  const [Shown, setShown] = useState<{ View: View } | null>(null);
  useEffect(() => {
    void views[view]?.().then(({ default: View }) => setShown({ View }));
  }, [view]);
  const [isOver, setOver] = useState(false);
  const search = useData(
    `search ${id}`,
    (signal) => read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })),
    { everyMs: isOver ? undefined : 5000 },
  );
  const over = search.value !== undefined && isFinished(search.value);
  useEffect(() => setOver(over), [over]);
  return (
    <Loaded of={search} what="search">
      {(value) => (
        <>
          <PageHead title={value.name} within={[["Searches", addresses.searches]]} />
          {Shown === null ? <Loading what="view" /> : <Shown.View id={id} search={value} />}
        </>
      )}
    </Loaded>
  );
}
