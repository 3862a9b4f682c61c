/** Writes what a demo leaves in `runs/<search id>/`. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import { readCandidates, readFront, readFrontCsv, type Training } from "../api.ts";
import { writeFiles } from "../archive.ts";
import type { EdgeClient } from "../client.ts";
import { downloadExport } from "../commands/export.ts";
import { CliError } from "../errors.ts";
import { type Point, pointsOf } from "../frontText.ts";
import type { Progress } from "../progress.ts";
import { type Summary, summarySchema } from "./summary.ts";
import { frontSvg } from "./svg.ts";

export interface FrontFiles {
  front: Summary["front"];
  candidates: Point[];
}

/** Writes front.csv and front.svg. */
export async function writeFront(
  client: EdgeClient,
  searchId: string,
  folder: string,
  trainedHash: string,
): Promise<FrontFiles> {
  const rows = await readFront(client, searchId);
  const candidates = pointsOf(await readCandidates(client, searchId));
  const csv = await readFrontCsv(client, searchId);
  const front = rows.flatMap(({ hash, values: { accuracy, parameters } }) =>
    accuracy == null || parameters == null ? [] : [{ hash, accuracy, parameters }],
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "front.csv"), csv);
  const trained = front.find(({ hash }) => hash === trainedHash);
  writeFileSync(
    path.join(folder, "front.svg"),
    frontSvg("Fashion-MNIST: accuracy with the supernet's weights", candidates, pointsOf(rows), trained),
  );
  return { front, candidates };
}

/** Downloads every format; an archive becomes a folder. @returns by format, the path relative to `folder` */
export async function writeExports(
  client: EdgeClient,
  training: Training,
  folder: string,
  progress: Progress,
): Promise<Summary["exports"]> {
  const step = progress("Exports", exportFormatNames.length);
  const written: Partial<Summary["exports"]> = {};
  for (const [index, format] of exportFormatNames.entries()) {
    step.update(index, format);
    const { isArchive } = exportFormats[format];
    const target = isArchive ? path.join("exports", format) : "exports";
    const files = await downloadExport(client, training.id, format);
    const [first] = writeFiles(files, path.join(folder, target), true);
    if (first === undefined) {
      throw new CliError(
        `The export ${format} of training ${training.id} is empty.`,
        "See the runner's log.",
      );
    }
    written[format] = isArchive ? target : path.relative(folder, first);
  }
  step.finish(path.relative("", path.join(folder, "exports")));
  return written as Summary["exports"];
}

/** Writes summary.json, after checking it. */
export function writeSummary(folder: string, summary: Summary): void {
  const checked = summarySchema.parse(summary);
  writeFileSync(path.join(folder, "summary.json"), `${JSON.stringify(checked, null, 2)}\n`);
}
