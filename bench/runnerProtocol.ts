/** What bench/runner.ts and the processes that it times say to each other: a line of JSON each way. */

import type { Path, StepSettings } from "../gpu-runner/executor/executor.ts";
import type { Network } from "../shared/network.ts";

/** Builds the network. */
export interface SetupRequest {
  op: "setup";
  network: Network;
  /** Of the start values of the weights, and of what is random in a peer's steps. */
  seed: number;
  /** Checkpoint of those start values, for who cannot make them. */
  weights: string;
  settings: Omit<StepSettings, "seed" | "dropPath">;
  /** Whether batch norms keep moving statistics: in derived networks they do. */
  movingStatistics: boolean;
  /** Checkpoint of `<index>/x`, NHWC, and `<index>/y`, class indices as floats. */
  batches: string;
  threads: number;
  /** Of a peer's images. */
  layout: "channels_last" | "nchw";
}

export interface SetupReply {
  /** Of what computes, by package name. */
  versions: Record<string, string>;
  threads: number;
}

/** Starts again from a checkpoint's weights, without momentum and moving statistics. */
export interface LoadRequest {
  op: "load";
  weights: string;
}

/** Takes a step for each path, on the batches in turn. */
export interface RunRequest {
  op: "run";
  mode: "train" | "evaluate";
  paths: Path[];
  /** Number of the first step, which chooses the batch. */
  first: number;
  dropPath: number;
}

export interface RunReply {
  milliseconds: number[];
  losses: number[];
}

/** Takes steps like `run` and counts what the native library is asked for. */
export interface CountRequest extends Omit<RunRequest, "op"> {
  op: "count";
}

export interface CountReply {
  /** Calls of each entry of the native library; empty where there is none. */
  calls: Record<string, number>;
}

export interface Replies {
  setup: SetupReply;
  load: Record<string, never>;
  run: RunReply;
  count: CountReply;
}

export type Request = SetupRequest | LoadRequest | RunRequest | CountRequest;
