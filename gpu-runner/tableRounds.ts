/**
 * Rounds of searches on tables: nothing is trained, every candidate is looked up. A search's table never changes while
 * it runs, so the last one stays in memory and a round costs no request but its report.
 */

import { codeOf, type Position, positionsOf } from "../shared/code.ts";
import { hexHash } from "../shared/hash.ts";
import type { Measurement, TabularReport, TabularTask } from "../shared/protocol.ts";
import { type InlineSpace, type PositionSpace, resolveSpace, type SearchSpace } from "../shared/space.ts";
import { readTable, type Table, TableError } from "../shared/table.ts";
import { defaultCacheDir } from "./data/files.ts";
import { loadPushedTable } from "./data/pushed.ts";
import type { TaskLease } from "./datasets.ts";
import type { EdgeClient } from "./edgeClient.ts";
import { TrainingFailure } from "./failure.ts";

export interface TableRoundsOptions {
  cacheDir?: string | undefined;
  log: (line: string) => void;
}

interface Held {
  searchId: string;
  table: Table;
  positions: readonly Position[];
}

export class TableRounds {
  readonly #client: Pick<EdgeClient, "dataset" | "datasetShard">;
  readonly #options: TableRoundsOptions;
  #held: Held | undefined;
  #idleSince = performance.now();

  constructor(client: Pick<EdgeClient, "dataset" | "datasetShard">, options: TableRoundsOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Waiting for a first task is no idling. */
  startClock(): void {
    this.#idleSince = performance.now();
  }

  /**
   * @throws TrainingFailure with row and column of everything that is wrong with the table
   */
  async run(task: TabularTask, lease: TaskLease): Promise<Omit<TabularReport, "kind" | "leaseId">> {
    const startedAt = performance.now();
    const held = await this.#table(task, lease);
    const objectives = Object.keys(task.columns);
    const measurements = task.candidates.map(({ selection }, candidate): Measurement => {
      const row = held.table.rowOf(codeOf(held.positions, selection));
      const values = objectives.map((id): [string, number | null] => [
        id,
        row === undefined ? null : (held.table.columns[id]?.[row] ?? null),
      ]);
      return { candidate, values: Object.fromEntries(values), images: 0, loss: null };
    });
    const endedAt = performance.now();
    const seconds = {
      train: 0,
      evaluate: (endedAt - startedAt) / 1000,
      idle: (startedAt - this.#idleSince) / 1000,
    };
    this.#idleSince = endedAt;
    return { measurements, digest: hexHash(JSON.stringify(measurements)), seconds };
  }

  async #table(task: TabularTask, lease: TaskLease): Promise<Held> {
    const { searchId } = task;
    if (this.#held?.searchId === searchId) return this.#held;
    this.#held = undefined;
    const header = await this.#client.dataset(lease);
    if (header.kind !== "table") throw new Error(`${task.table} holds images; it is no table.`);
    const source = { shard: (number: number) => this.#client.datasetShard(lease, number) };
    const { cacheDir = defaultCacheDir(), log } = this.#options;
    const text = await loadPushedTable(header, source, { cacheDir, log, throwIfEnded: lease.throwIfEnded });
    const space = resolveSpace(task.space as string | InlineSpace | PositionSpace);
    const positions = positionsOf(space);
    this.#held = { searchId, positions, table: tableOf(text, task, { space, positions }) };
    return this.#held;
  }
}

function tableOf(
  text: string,
  { architecture, columns }: TabularTask,
  encoded: { space: SearchSpace; positions: readonly Position[] },
): Table {
  try {
    return readTable(text, {
      architecture,
      columns,
      reward: "accuracy",
      ...encoded,
    });
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new TrainingFailure(error.message, { kind: "table", step: 0 });
  }
}
