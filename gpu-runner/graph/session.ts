/** Runs compiled graphs through tfjs-node: a SavedModel without variables becomes a session, one call is one step. */

import { rmSync } from "node:fs";
import path from "node:path";
import type { Tensor } from "@tensorflow/tfjs-core";
import { temporaryFolder, writeTemporary } from "../../setup/temporary.mjs";
import type { TensorFlow } from "../kernels/backend.ts";
import { encodeSavedModel, type SavedModel } from "./savedModel.ts";

/** The part of tfjs-node's backend that runs sessions. */
interface SessionBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(
    id: number,
    inputs: Tensor[],
    infos: { name: string; tfDtype?: string }[],
    outputs: string[],
  ): Tensor[];
  deleteSavedModel(id: number): void;
}

/** A graph that has been loaded; its variables live as long as it does. */
export class Session {
  readonly #backend: SessionBackend;
  readonly #id: number;

  /** @throws Error where TensorFlow does not accept the graph, or no temporary file can be written */
  constructor(tf: TensorFlow, model: SavedModel) {
    this.#backend = tf.backend() as unknown as SessionBackend;
    // tfjs-node reads graphs only from files.
    const folder = temporaryFolder("nasturtium-graph-");
    try {
      writeTemporary(path.join(folder, "saved_model.pb"), encodeSavedModel(model));
      this.#id = this.#backend.loadSavedModelMetaGraph(folder, "serve");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /**
   * @param feeds by node name; they stay the caller's
   * @param fetches outputs as `node:index`
   * @returns one new tensor for each fetch
   */
  run(feeds: Record<string, Tensor>, fetches: readonly string[]): Tensor[] {
    const infos = Object.keys(feeds).map((name) => ({ name: `${name}:0` }));
    return this.#backend.runSavedModel(this.#id, Object.values(feeds), infos, [...fetches]);
  }

  dispose(): void {
    this.#backend.deleteSavedModel(this.#id);
  }
}
