/** Writes what a demo leaves in `runs/<search id>/`. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isOfSharedWeights } from "../../shared/evidence.ts";
import { exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import {
  type FrontRow,
  listTrainings,
  readCandidates,
  readFront,
  readFrontCsv,
  type Training,
} from "../api.ts";
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
  rows: FrontRow[];
  /** What was trained and is behind it. */
  trained: Point[];
}

/** Writes front.csv and front.svg. */
export async function writeFront(
  client: EdgeClient,
  searchId: string,
  folder: string,
  trainedHash: string,
): Promise<FrontFiles> {
  const rows = await readFront(client, searchId);
  const short = (await listTrainings(client, searchId)).filter(({ validation }) => validation !== null);
  const candidates = await readCandidates(client, searchId);
  const csv = await readFrontCsv(client, searchId);
  const secondsOf = new Map(short.map(({ hash, validation }) => [hash, validation?.seconds ?? null]));
  const front = rows.flatMap((row): Summary["front"] => {
    const { accuracy, parameters } = row.values;
    if (accuracy == null || parameters == null || row.evidence === "table") return [];
    const { hash, evidence, trainingSteps: steps } = row;
    const seconds = secondsOf.get(hash) ?? null;
    const sharedWeightsAccuracy = isOfSharedWeights(row) ? accuracy : row.sharedWeightsAccuracy;
    return [{ hash, accuracy, parameters, evidence, steps, seconds, sharedWeightsAccuracy }];
  });
  const others = short.filter(({ hash }) => !rows.some((row) => row.hash === hash));
  const trained = pointsOf(
    others.map(({ hash, validation }) => ({
      values: {
        accuracy: validation?.validationAccuracy ?? null,
        parameters: candidates.find((candidate) => candidate.hash === hash)?.values.parameters ?? null,
      },
    })),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "front.csv"), csv);
  const best = front.find(({ hash }) => hash === trainedHash);
  const title = rows.every(isOfSharedWeights)
    ? "Fashion-MNIST: accuracy with the supernet's weights"
    : "Fashion-MNIST: accuracy after a short training";
  writeFileSync(path.join(folder, "front.svg"), frontSvg(title, trained, pointsOf(rows), best));
  return { front, rows, trained };
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
