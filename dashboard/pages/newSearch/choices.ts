/** What can be chosen from: names that the edge knows, and those that are built in. */

import type { InferResponseType } from "hono/client";
import { useMemo } from "preact/hooks";
import { type DatasetFacts, datasetFacts, datasetNames } from "../../../shared/datasets.ts";
import { schedulePresets } from "../../../shared/schedule.ts";
import { spaces } from "../../../shared/space.ts";
import type { PushedData } from "../../../shared/validate.ts";
import { api, read, readAll } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { whole } from "../../ui/format.ts";

export interface Option {
  value: string;
  title: string;
}

type Row = InferResponseType<typeof api.datasets.$get>["data"][number];
type Images = Extract<Row, { kind: "images" }>;

export interface Choices {
  datasets: readonly Option[];
  tables: readonly Option[];
  /** What the schema is told of pushed data; the edge knows better until they are loaded. */
  pushed: PushedData;
  devices: readonly { name: string; objectives: readonly string[] }[];
}

const factsOfRow = ({ image, classes, trainImages, testImages }: Images): DatasetFacts => ({
  image,
  classes,
  trainImages,
  testImages,
});

const told = (name: string, { image, classes, trainImages }: DatasetFacts): Option => ({
  value: name,
  title: `${name} (${image.width}×${image.height}, ${whole(classes)} classes, ${whole(trainImages)} images)`,
});

export function useChoices(): Choices {
  const rows = useData("datasets", (signal) =>
    readAll((query) => api.datasets.$get({ query: { ...query, limit: 200 } }, { init: { signal } })),
  ).value;
  const devices = useData("devices", (signal) =>
    readAll((query) => api.devices.$get({ query: { ...query, limit: 200 } }, { init: { signal } })),
  ).value;
  return useMemo(() => {
    const complete = (rows ?? []).filter(({ state }) => state === "complete");
    const images = complete.flatMap((row) => (row.kind === "images" ? [row] : []));
    const builtIn = datasetNames.map((name) => told(name, datasetFacts[name]));
    const isAllImages = complete.length === images.length;
    return {
      datasets: [...builtIn, ...images.map((row) => told(row.name, factsOfRow(row)))],
      tables: complete.flatMap((row) =>
        row.kind === "table" ? [{ value: row.name, title: `${row.name} (${whole(row.rows)} rows)` }] : [],
      ),
      // Of a table only the edge knows the columns.
      pushed:
        rows === undefined || !isAllImages
          ? ("elsewhere" as const)
          : Object.fromEntries(images.map((row) => [row.name, factsOfRow(row)])),
      devices: (devices ?? []).map(({ name, objectives }) => ({
        name,
        objectives: objectives.map((objective) => objective.name),
      })),
    };
  }, [rows, devices]);
}

/** Columns of a table; none until they are known. */
export function useColumns(table: string): readonly string[] {
  const columns = useData(table === "" ? null : `columns ${table}`, async (signal) => {
    const header = await read(api.datasets[":name"].$get({ param: { name: table } }, { init: { signal } }));
    return header.kind === "table" ? header.columns : [];
  });
  return columns.value ?? [];
}

const words: Record<string, string> = {
  "tnd-nas": "tnd-nas: cells of separable and plain convolutions",
  darts: "darts: the cells of DARTS",
  "nas-bench-201": "nas-bench-201: small cells of one kind",
};

export const spaceOptions: readonly Option[] = Object.keys(spaces).map((value) => ({
  value,
  title: words[value] ?? value,
}));

const presetWords: Record<string, string> = {
  "demo-3": "demo-3: minutes, to look around",
  "demo-10": "demo-10: ten minutes or so on a laptop",
  "tnd-nas-cifar10": "tnd-nas-cifar10: as published, a day on a GPU",
  "tnd-nas-cifar100": "tnd-nas-cifar100: as published, a day on a GPU",
};

export const presetOptions: readonly Option[] = Object.keys(schedulePresets)
  .reverse()
  .map((value) => ({ value, title: presetWords[value] ?? value }));
