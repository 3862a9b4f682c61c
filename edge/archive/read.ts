/**
 * Takes in the archive of a search as a new one. Whatever is in it may be wrong: each row is checked, each file's
 * SHA-256 compared, every reference followed, and the search itself written last. What fails leaves nothing.
 */

import type { z } from "zod";
import { isBuiltIn } from "../../shared/datasets.ts";
import { fieldErrors } from "../../shared/fieldErrors.ts";
import { isDeeper } from "../../shared/json.ts";
import { pushedFactsOf } from "../../shared/pushedDataset.ts";
import {
  manifestName,
  manifestProblem,
  manifestSchema,
  maxRowBytes,
  maxRowsBytes,
  searchName,
  sumsName,
} from "../../shared/searchArchive.ts";
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
  type ArchivedTable,
  type ArchivedTraining,
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
    const archived = await this.#search();
    this.#ids.set(archived.id, this.#id);
    for (const table of archivedTables) await this.#rows(table, archived);
    const next = await this.#tar.peek();
    if (next !== null && next.name !== sumsName && !next.name.startsWith(objectName("")))
      throw badArchive(next.name, "does not belong there");
    if (this.#rounds !== archived.controller.round)
      throw badArchive(
        searchName,
        `awaits round ${archived.controller.round}, but ${this.#rounds} rounds are there`,
      );
    await this.#objects();
    await this.#compareSums();
    return this.#finish(manifest, archived);
  }

  async #manifest(): Promise<z.infer<typeof manifestSchema>> {
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
    if (task !== null) assertTask(task, id, controller.round, searchName);
    if (state === "paused" && searching && task === null)
      throw refuse("has rounds left but no task for the next");
    if (state !== "paused" && search.finishedAt === null) throw refuse("is over but has no time of its end");
    return search;
  }

  /** Every file of a table, each stored before the next is read. */
  async #rows(table: (typeof archivedTables)[number], archived: ArchivedSearch): Promise<void> {
    for (let page = 1; ; page++) {
      const name = pageName(table.name, page);
      if ((await this.#tar.peek())?.name !== name) return;
      const lines = (await this.#text(name)).split("\n");
      if (lines.pop() !== "") throw badArchive(name, "ends within a line");
      const rows = lines.map((line, index) => {
        const row = parsed<Row>(table.schema, parsedJson(line, name, index + 1), name, index + 1);
        return renamed(this.#checked(table.name, row, archived, name, index + 1), this.#ids) as Row;
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

  /** A row whose references lead somewhere, with the ids that it gets here. */
  #checked(
    table: ArchivedTable["name"],
    row: Row,
    archived: ArchivedSearch,
    file: string,
    line: number,
  ): Row {
    const refuse = (detail: string) => badArchive(file, detail, line);
    if (table === "architectures") {
      this.#seen.hashes.add((row as { hash: string }).hash);
    } else if (table === "blobs") {
      const blob = row as ArchivedBlob;
      if (this.#ids.has(blob.id))
        throw refuse(`has the id ${blob.id}, which stands for something else already`);
      if ((blob.purpose === "export") !== (blob.format !== null && blob.trainingId !== null))
        throw refuse("is no export of a training and no checkpoint");
      const own = newId();
      this.#ids.set(blob.id, own);
      this.#blobs.push({ ...blob, newId: own });
      // Named before the training itself comes.
      if (blob.trainingId !== null) this.#newTraining(blob.trainingId);
      return { ...blob, leaseId: "", objectKey: objectKeyOf(this.#id, own), uploadId: "" };
    } else if (table === "trainings") {
      return this.#training(row as ArchivedTraining, archived, refuse);
    } else if (table === "rounds") {
      const { round, task } = row as z.infer<typeof roundRow>;
      if (round !== this.#rounds) throw refuse(`has round ${round} where ${this.#rounds} is next`);
      assertTask(task, archived.id, round, file, line);
      this.#rounds += 1;
    } else {
      const { sequence } = row as { sequence: number };
      if (sequence !== this.#events + 1)
        throw refuse(`has number ${sequence} where ${this.#events + 1} is next`);
      this.#events += 1;
    }
    return row;
  }

  #newTraining(id: string): void {
    if (!this.#ids.has(id)) this.#ids.set(id, newId());
  }

  #training(training: ArchivedTraining, archived: ArchivedSearch, refuse: (detail: string) => Problem): Row {
    const { id, hash, report, state } = training;
    if (!this.#seen.hashes.has(hash)) throw refuse(`trains ${hash}, which is not in the archive`);
    if (archived.state !== "paused" && (state === "queued" || state === "running"))
      throw refuse("is not over, but its search is");
    if (id === archived.id) throw refuse("has the id of its search");
    this.#newTraining(id);
    this.#seen.trainings.add(id);
    if (report?.kind === "finalTraining")
      for (const blob of Object.values(report.exports))
        if (!this.#blobs.some((own) => own.id === blob && own.trainingId === id))
          throw refuse(`reports the export ${blob}, which is not in the archive`);
    return { ...training, report: report === null ? null : { ...report, leaseId: "" } };
  }

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

  async #finish(manifest: z.infer<typeof manifestSchema>, archived: ArchivedSearch): Promise<Imported> {
    const { data } = archived;
    const needed = pushedName(archived.specification);
    const found = needed === undefined || data === null ? null : await findDataset(this.#env.DB, needed);
    const isThere =
      found?.completedAt != null && data !== null && isSameContent(contentOf(found.header), data);
    const dataset = isThere ? found : null;
    const specification = specificationOf(archived, dataset);
    const controller = renamed(archived.controller.state, this.#ids) as ControllerState;
    assertUsable(controller, specification);
    const missingData = dataset === null ? (needed ?? null) : null;
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
  if (line !== undefined && text.length > maxRowBytes)
    throw badArchive(name, `has ${text.length} characters, more than the ${maxRowBytes} of a row`, line);
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
  file: string,
  line?: number,
): void {
  if (task.searchId !== searchId || task.round !== round || task.taskId !== `${searchId}-r${round}`)
    throw badArchive(file, `holds the task of another round or search`, line);
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
  const { specification } = checked;
  if (specification.evaluation.kind !== "tabular" && !isBuiltIn(name) && known === undefined)
    throw badArchive(searchName, `says nothing of the data set "${name}"`);
  return specification;
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
