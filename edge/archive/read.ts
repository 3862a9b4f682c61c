/**
 * Takes in the archive of a search as a new one. Whatever is in it may be wrong: each row is checked, each file's
 * SHA-256 compared, every reference followed, and the search itself written last. What fails leaves nothing.
 */

import { z } from "zod";
import { isBuiltIn } from "../../shared/datasets.ts";
import { fieldErrors } from "../../shared/fieldErrors.ts";
import type { Genotype } from "../../shared/genotype.ts";
import { isDeeper } from "../../shared/json.ts";
import { spaceOf } from "../../shared/networkCosts.ts";
import { pushedFactsOf } from "../../shared/pushedDataset.ts";
import {
  type Manifest,
  manifestName,
  manifestProblem,
  manifestSchema,
  maxRowBytes,
  maxRowsBytes,
  searchName,
  sumsName,
} from "../../shared/searchArchive.ts";
import {
  genotypeFromSelection,
  type SearchSpace,
  type Selection,
  selectionFromGenotype,
} from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import { checkSpecification } from "../../shared/validate.ts";
import { policyView } from "../controller/policyView.ts";
import type { ControllerState } from "../controller/state.ts";
import { contentOf, isChecksumError, isSameContent } from "../datasets.ts";
import type { Env } from "../env.ts";
import { newId } from "../ids.ts";
import { errorsText, Problem } from "../problems.ts";
import { removeSearch } from "../retention.ts";
import { pushedName } from "../start.ts";
import { type Row, rowInsertions } from "../store/archive.ts";
import { type Blob, objectKeyOf } from "../store/blobs.ts";
import { type Dataset, findDataset } from "../store/datasets.ts";
import { claimImport, importedSearchInsertions } from "../store/imports.ts";
import { dataOf } from "../store/searches.ts";
import { allParts, assemble } from "../upload.ts";
import { badArchive } from "./problem.ts";
import { StoredTar } from "./storedTar.ts";
import {
  type ArchivedBlob,
  type ArchivedSearch,
  type ArchivedTableName,
  type ArchivedTraining,
  type architectureRow,
  archivedSearchSchema,
  archivedTables,
  objectName,
  pageName,
  type roundRow,
} from "./tables.ts";

/** What came of an import. */
export interface Imported {
  /** Where it was exported. */
  importedFrom: string;
  /** Name of the pushed data that the search needs and that is not here; null where nothing is missing. */
  missingData: string | null;
}

const deepest = 100;

/** What is wrong with a row or file, after its name, as a problem. */
type Refuse = (detail: string) => Problem;

/** Imports an archive all of whose parts have arrived. */
export async function importArchive(env: Env, archive: Blob): Promise<Imported> {
  const parts = await allParts(env.DB, archive);
  if (!(await claimImport(env.DB, archive.id)))
    throw new Problem("upload-incomplete", "The archive is being imported by another request.");
  try {
    await assemble(env, archive, parts);
    const imported = await new Import(env, archive).run();
    await env.BUCKET.delete(archive.objectKey);
    return imported;
  } catch (error) {
    await removeSearch(env, archive.searchId);
    throw error;
  }
}

/** What `search.json` says, checked. */
interface Head {
  archived: ArchivedSearch;
  specification: Specification;
  space: SearchSpace;
  /** The pushed data that it is about; null where it needs none or that is not here. */
  dataset: Dataset | null;
  missingData: string | null;
}

class Import {
  readonly #env: Env;
  readonly #id: string;
  readonly #tar: StoredTar;
  /** By name of a file, its SHA-256. */
  readonly #sums = new Map<string, string>();
  /** New ids by those in the archive. */
  readonly #ids = new Map<string, string>();
  readonly #seen = { hashes: new Set<string>(), trainings: new Set<string>() };
  readonly #blobs: (ArchivedBlob & { newId: string })[] = [];
  #rowsBytes = 0;
  #rounds = 0;
  #events = 0;

  constructor(env: Env, { searchId, objectKey, bytes }: Blob) {
    this.#env = env;
    this.#id = searchId;
    this.#tar = new StoredTar(env.BUCKET, objectKey, bytes);
  }

  async run(): Promise<Imported> {
    const manifest = await this.#manifest();
    const head = await this.#head();
    const { archived } = head;
    this.#ids.set(archived.id, this.#id);
    for (const table of archivedTables) await this.#rows(table, head);
    const next = await this.#tar.peek();
    if (next !== null && next.name !== sumsName && !next.name.startsWith(objectName("")))
      throw badArchive(next.name, "does not belong there");
    const { round } = archived.controller;
    if (this.#rounds !== round)
      throw badArchive(searchName, `awaits round ${round}, but ${this.#rounds} rounds are there`);
    await this.#objects();
    await this.#compareSums();
    return this.#finish(manifest, head);
  }

  async #head(): Promise<Head> {
    const archived = await this.#search();
    const { data } = archived;
    const needed = pushedName(archived.specification) ?? null;
    const dataset = needed === null || data === null ? null : await this.#dataset(needed, data);
    const specification = specificationOf(archived, dataset);
    assertUsable(archived.controller.state as ControllerState, specification);
    const missingData = dataset === null ? needed : null;
    return { archived, specification, dataset, missingData, space: spaceOf(specification) };
  }

  /** The data that the search is about, if it is here. */
  async #dataset(name: string, data: NonNullable<ArchivedSearch["data"]>): Promise<Dataset | null> {
    const found = await findDataset(this.#env.DB, name);
    return found?.completedAt != null && isSameContent(contentOf(found.header), data) ? found : null;
  }

  async #manifest(): Promise<Manifest> {
    const manifest = await this.#json(manifestName);
    const problem = manifestProblem(manifest);
    if (problem !== null) throw badArchive(manifestName, `cannot be read: ${problem}`);
    return parsed(manifestSchema, manifest, manifestName);
  }

  async #search(): Promise<ArchivedSearch> {
    const search = parsed(archivedSearchSchema, await this.#json(searchName), searchName);
    const { id, controller, searching, state } = search;
    const { task } = controller.state;
    const refuse = (detail: string) => badArchive(searchName, detail);
    if (controller.state.searchId !== id) throw refuse("holds the controller's state of another search");
    if (controller.state.round !== controller.round)
      throw refuse("has two numbers for the round that is awaited");
    if (task !== null) assertTask(task, id, controller.round, refuse);
    if (state === "paused" && searching && task === null && controller.state.halving === undefined)
      throw refuse("has rounds left but no task for the next");
    if (state !== "paused" && search.finishedAt === null) throw refuse("is over but has no time of its end");
    return search;
  }

  /** Every file of a table, each stored before the next is read. */
  async #rows(table: (typeof archivedTables)[number], head: Head): Promise<void> {
    for (let page = 1; ; page++) {
      const name = pageName(table.name, page);
      if ((await this.#tar.peek())?.name !== name) return;
      const lines = (await this.#text(name)).split("\n");
      if (lines.pop() !== "") throw badArchive(name, "ends within a line");
      const rows = lines.map((line, index) => {
        const row = parsed<Row>(table.schema, parsedJson(line, name, index + 1), name, index + 1);
        const checked = this.#checked[table.name](row, head, (detail) => badArchive(name, detail, index + 1));
        return renamed(checked, this.#ids) as Row;
      });
      const statements = rowInsertions(this.#env.DB, table, this.#id, rows);
      if (statements.length > 0) await this.#write(statements, name);
    }
  }

  async #write(statements: D1PreparedStatement[], name: string): Promise<void> {
    try {
      await this.#env.DB.batch(statements);
    } catch (error) {
      if (error instanceof Error && /UNIQUE constraint failed/i.test(error.message))
        throw badArchive(name, "holds a row twice");
      throw error;
    }
  }

  #newTraining(id: string): void {
    if (!this.#ids.has(id)) this.#ids.set(id, newId());
  }

  /** By table, a row whose references lead somewhere, with the columns that are this deployment's. */
  readonly #checked: Record<ArchivedTableName, (row: Row, head: Head, refuse: Refuse) => Row> = {
    architectures: (row, { space }, refuse) => {
      const { hash, genotype, selection } = row as z.infer<typeof architectureRow>;
      assertOfSpace(genotype, space, refuse, selection);
      this.#seen.hashes.add(hash);
      return row;
    },
    blobs: (row, _, refuse) => {
      const blob = row as ArchivedBlob;
      const { id, purpose, format, trainingId } = blob;
      if (this.#ids.has(id)) throw refuse(`has the id ${id}, which stands for something else already`);
      if ((purpose === "export") !== (format !== null && trainingId !== null))
        throw refuse("is no export of a training and no checkpoint");
      const own = newId();
      this.#ids.set(id, own);
      this.#blobs.push({ ...blob, newId: own });
      // Named before the training itself comes.
      if (trainingId !== null) this.#newTraining(trainingId);
      return { ...blob, leaseId: "", objectKey: objectKeyOf(this.#id, own), uploadId: "" };
    },
    trainings: (row, { archived, space }, refuse) => {
      const training = row as ArchivedTraining;
      const { id, hash, report, state, genotype, purpose } = training;
      // A candidate is in the archive once it was trained.
      if (purpose !== "candidate" && !this.#seen.hashes.has(hash))
        throw refuse(`trains ${hash}, which is not in the archive`);
      assertOfSpace(genotype, space, refuse);
      if (archived.state !== "paused" && (state === "queued" || state === "running"))
        throw refuse("is not over, but its search is");
      if (id === archived.id) throw refuse("has the id of its search");
      this.#newTraining(id);
      this.#seen.trainings.add(id);
      const exports = report?.kind === "finalTraining" ? Object.values(report.exports) : [];
      const missing = exports.find(
        (blob) => !this.#blobs.some((own) => own.id === blob && own.trainingId === id),
      );
      if (missing !== undefined) throw refuse(`reports the export ${missing}, which is not in the archive`);
      return { ...training, report: report === null ? null : { ...report, leaseId: "" } };
    },
    rounds: (row, { archived }, refuse) => {
      const { round, task } = row as z.infer<typeof roundRow>;
      if (round !== this.#rounds) throw refuse(`has round ${round} where ${this.#rounds} is next`);
      assertTask(task, archived.id, round, refuse);
      this.#rounds += 1;
      return row;
    },
    events: (row, _, refuse) => {
      const { sequence } = row as { sequence: number };
      const next = this.#events + 1;
      if (sequence !== next) throw refuse(`has number ${sequence} where ${next} is next`);
      this.#events = next;
      return row;
    },
  };

  async #objects(): Promise<void> {
    const dangling = this.#blobs.find(
      ({ trainingId }) => trainingId !== null && !this.#seen.trainings.has(trainingId),
    );
    if (dangling !== undefined)
      throw badArchive("blobs", `the training ${dangling.trainingId} of a blob is not in the archive`);
    for (const { id, bytes, sha256, newId: own } of this.#blobs) {
      const name = objectName(id);
      const file = await this.#tar.take(name);
      if (file.bytes !== bytes) throw badArchive(name, `has ${file.bytes} bytes instead of ${bytes}`);
      try {
        await this.#tar.copy(file, objectKeyOf(this.#id, own), sha256);
      } catch (error) {
        if (isChecksumError(error)) throw badArchive(name, "has another SHA-256 than its row says");
        throw error;
      }
      this.#sums.set(name, sha256);
    }
  }

  async #compareSums(): Promise<void> {
    const { text } = await this.#tar.text(sumsName);
    const told = new Map(
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
    for (const [name, sha256] of this.#sums)
      if (told.get(name) !== sha256) throw badArchive(name, `has another SHA-256 than ${sumsName} says`);
    for (const name of told.keys())
      if (!this.#sums.has(name)) throw badArchive(name, `is in ${sumsName} but not in the archive`);
    const next = await this.#tar.peek();
    if (next !== null) throw badArchive(next.name, "does not belong into the archive");
  }

  async #finish(manifest: Manifest, head: Head): Promise<Imported> {
    const { archived, specification, dataset, missingData } = head;
    const controller = renamed(archived.controller.state, this.#ids) as ControllerState;
    await this.#env.DB.batch(
      importedSearchInsertions(
        this.#env.DB,
        {
          id: this.#id,
          archived,
          specification,
          controller,
          data: dataOf(specification),
          datasetId: dataset?.id ?? null,
          sequence: this.#events + 1,
          event: {
            importedFrom: archived.id,
            software: manifest.software,
            exportedAt: manifest.createdAt,
            createdAt: new Date(archived.createdAt).toISOString(),
            missingData,
          },
        },
        Date.now(),
      ),
    );
    return { importedFrom: archived.id, missingData };
  }

  async #text(name: string): Promise<string> {
    const { text, sha256 } = await this.#tar.text(name);
    this.#rowsBytes += text.length;
    if (this.#rowsBytes > maxRowsBytes)
      throw badArchive(name, `is too much: an archive holds at most ${maxRowsBytes} bytes of rows`);
    this.#sums.set(name, sha256);
    return text;
  }

  async #json(name: string): Promise<unknown> {
    return parsedJson(await this.#text(name), name);
  }
}

function parsedJson(text: string, name: string, line?: number): unknown {
  const bytes = line === undefined ? 0 : new TextEncoder().encode(text).length;
  if (bytes > maxRowBytes)
    throw badArchive(name, `has ${bytes} bytes, more than the ${maxRowBytes} of a row`, line);
  try {
    const value: unknown = JSON.parse(text);
    if (isDeeper(value, deepest)) throw badArchive(name, `is nested deeper than ${deepest} levels`, line);
    return value;
  } catch (error) {
    throw error instanceof Problem ? error : badArchive(name, "is no JSON", line);
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, name: string, line?: number): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw badArchive(name, `is wrong: ${errorsText(fieldErrors(result.error.issues).slice(0, 5))}`, line);
}

function assertTask(
  task: { searchId: string; taskId: string; round: number },
  searchId: string,
  round: number,
  refuse: Refuse,
): void {
  if (task.searchId !== searchId || task.round !== round || task.taskId !== `${searchId}-r${round}`)
    throw refuse("holds the task of another round or search");
}

/** @param selection that gives the genotype */
function assertOfSpace(genotype: Genotype, space: SearchSpace, refuse: Refuse, selection?: Selection): void {
  const isIt = (chosen: Selection): boolean => {
    const isKnown = ([kind, { operations }]: [string, { operations: readonly string[] }]) =>
      chosen[kind]?.every((name) => name === "none" || operations.includes(name)) === true;
    return (
      Object.entries(space.cells).every(isKnown) &&
      JSON.stringify(genotypeFromSelection(space, chosen)) === JSON.stringify(genotype)
    );
  };
  let isOfSpace = false;
  try {
    isOfSpace = isIt(selection ?? selectionFromGenotype(space, genotype));
  } catch {
    // A cell or node that the space does not have.
  }
  if (!isOfSpace) throw refuse("holds an architecture that is not of the search's space");
}

/** The value with every id in it, or in the id of a task, replaced. */
function renamed(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") {
    const [, id = "", rest = ""] = /^([a-z2-7]{16})(-(?:r\d+|t))?$/.exec(value) ?? [];
    const own = ids.get(id);
    return own === undefined ? value : `${own}${rest}`;
  }
  if (Array.isArray(value)) return value.map((item) => renamed(item, ids));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamed(item, ids)]));
}

/** As one that is sent, with the facts of its data. What is imported is nobody's to see until it is made public. */
function specificationOf({ specification: given }: ArchivedSearch, dataset: Dataset | null): Specification {
  const { name, facts } = given.dataset;
  const known = dataset === null ? facts : pushedFactsOf(dataset.header);
  const checked = checkSpecification(
    { ...given, dataset: { name }, visibility: "private" },
    known === undefined || isBuiltIn(name) ? "elsewhere" : { [dataset?.name ?? name]: known },
  );
  if (checked.errors !== undefined)
    throw badArchive(
      searchName,
      `holds a specification that is wrong: ${errorsText(checked.errors.slice(0, 5))}`,
    );
  const specification = asScored(checked.specification, given);
  if (specification.evaluation.kind !== "tabular" && !isBuiltIn(name) && known === undefined)
    throw badArchive(searchName, `says nothing of the data set "${name}"`);
  return specification;
}

const saysOfScoring = z.looseObject({ evaluation: z.looseObject({ untrained: z.looseObject({}) }) });

/** What an archive says nothing of is sized when a search is created, not when it comes from elsewhere. */
function asScored(specification: Specification, given: ArchivedSearch["specification"]): Specification {
  const { evaluation } = specification;
  if (evaluation.kind === "tabular" || saysOfScoring.safeParse(given).success) return specification;
  const { untrained: _, ...unscored } = evaluation;
  return { ...specification, evaluation: unscored };
}

/** Whether a state can be gone on with: what it is shown by reads all of it that is the strategy's own. */
function assertUsable(controller: ControllerState, specification: Specification): void {
  try {
    policyView(controller, specification);
  } catch (error) {
    console.warn("a controller's state that is imported cannot be used", error);
    throw badArchive(searchName, "holds a controller's state that does not fit its specification");
  }
}
