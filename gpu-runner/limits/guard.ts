/**
 * Keeps steps from being begun that memory does not suffice for: TensorFlow aborts the process then, or the kernel
 * ends it. What is refused here is halved like a step that a GPU refuses. Limits are read once for each kind of step
 * and number of images; a step costs nothing.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Batch } from "../data/batches.ts";
import { usesGpu } from "../device.ts";
import type {
  Evaluation,
  Executor,
  Path,
  Statistics,
  StepResult,
  StepSettings,
} from "../executor/executor.ts";
import { NotEnoughMemory } from "../failure.ts";
import type { Backend } from "../kernels/backend.ts";
import type { NamedValues } from "../weightShapes.ts";
import { MemoryEstimate, type Work } from "./estimate.ts";
import { type ReadText, readText } from "./files.ts";
import { LastStep, type Step } from "./lastStep.ts";
import { inMebibytes, type MemoryLimit, memoryLimits, residentBytes } from "./memory.ts";

/**
 * Left for code, which the kernel drops and reads again where memory is short (a step runs 25 MiB of it, compiling more),
 * and for page tables.
 */
const RESERVE_BYTES = 48 * 2 ** 20;
/** Of what former steps took, the share that the next ones find again; the rest lies in small pieces. */
const REUSED = 0.9;
/** An allocation may be refused where a step takes more than this share of what is there. */
const NEAR = 0.5;

const words: Record<Work, string> = { train: "A training step of", measure: "Measuring" };

export interface MemoryGuardOptions {
  /** Where notes of steps under way are kept. */
  folder: string;
  log: (line: string) => void;
  /** Of /proc and cgroups; default the machine's. */
  read?: ReadText;
}

export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #read: ReadText;
  /** What the process held before it had any network. */
  readonly #base: { resident: number; javascript: number };
  /** By search or training: steps that take so much have ended a process. */
  readonly #deadly = new Map<string, { bytes: number; reason: string }>();
  /** Most that a step was estimated to take. */
  #largestBytes = 0;
  #work: { resource: string; step: LastStep } | undefined;
  /** Pieces of work that have begun: notes are theirs. */
  #begun = 0;

  /** To be made once the backend is loaded, before data and networks. */
  constructor(options: MemoryGuardOptions) {
    this.#options = options;
    this.#read = options.read ?? readText;
    this.#base = { resident: residentBytes(this.#read) ?? 0, javascript: javascriptBytes() };
  }

  /** Work on a search or a training begins: has a process ended in it for lack of memory? */
  begin(resource: string): void {
    const step = new LastStep(this.#options.folder, resource, this.#read);
    const died = step.diedAt();
    if (died !== undefined) {
      const how = died.isKilled ? "the kernel ended it" : "an allocation was refused";
      const reason = `The attempt before ran out of memory at ${died.images} images (${how}).`;
      this.#deadly.set(resource, { bytes: died.bytes, reason });
    }
    this.#work = { resource, step };
    this.#begun++;
  }

  get begun(): number {
    return this.#begun;
  }

  /** The work is over, whatever came of it. */
  end(): void {
    this.#work?.step.end();
    this.#work = undefined;
  }

  /** An executor whose steps are refused where memory does not suffice: `NotEnoughMemory`. */
  watch(executor: Executor, backend: Backend): Executor {
    return new WatchedExecutor(
      executor,
      this,
      new MemoryEstimate(executor.network, backend.name),
      usesGpu(backend),
    );
  }

  /**
   * @returns whether an allocation may be refused all the same, by a limit that is near
   * @throws NotEnoughMemory
   */
  admit(work: Work, images: number, bytes: number): boolean {
    const deadly = this.#work && this.#deadly.get(this.#work.resource);
    if (deadly !== undefined && bytes >= deadly.bytes) this.#refuse(deadly.reason);
    let tightest = this.#tightest(bytes);
    if (tightest !== undefined && tightest.needed > tightest.free) {
      collectGarbage();
      tightest = this.#tightest(bytes);
    }
    if (tightest !== undefined && tightest.needed > tightest.free) {
      const { what, needed, free } = tightest;
      this.#refuse(
        `${words[work]} ${images} images needs about ${inMebibytes(needed)}, and ${what} leaves ${inMebibytes(free)}: raise it, or choose a smaller batch or network.`,
      );
    }
    const refusing = this.#tightest(bytes, (limit) => !limit.isKilled);
    return refusing !== undefined && refusing.needed > NEAR * refusing.free;
  }

  /** Tells whoever comes after a sudden end what was under way. */
  note(step: Step): void {
    this.#largestBytes = Math.max(this.#largestBytes, step.bytes);
    this.#work?.step.begin(step);
  }

  #refuse(reason: string): never {
    this.#options.log(reason);
    throw new NotEnoughMemory(reason);
  }

  /** Of the limits, the one of which the largest share is needed. */
  #tightest(bytes: number, applies: (limit: MemoryLimit) => boolean = () => true) {
    const held = this.#heldBytes();
    return memoryLimits(this.#read)
      .filter(applies)
      .map(({ what, freeBytes, counted }) => ({
        what,
        needed: counted(bytes),
        free: freeBytes + counted(held) - counted(0) - RESERVE_BYTES,
      }))
      .sort((left, right) => right.needed - right.free - (left.needed - left.free))[0];
  }

  /** What former networks took: allocators keep it, and the next steps find it there. */
  #heldBytes(): number {
    const resident = (residentBytes(this.#read) ?? this.#base.resident) - this.#base.resident;
    const javascript = Math.max(0, javascriptBytes() - this.#base.javascript);
    return REUSED * Math.min(this.#largestBytes, Math.max(0, resident - javascript));
  }
}

/** Node offers it only with a flag, which may be set later. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

function javascriptBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}

class WatchedExecutor implements Executor {
  readonly network: Executor["network"];
  readonly #executor: Executor;
  readonly #guard: MemoryGuard;
  readonly #estimate: MemoryEstimate;
  /** Its memory is not this machine's; it refuses what it does not suffice for. */
  readonly #isOnGpu: boolean;
  readonly #admitted = new Map<string, Step>();
  #noted = "";

  constructor(executor: Executor, guard: MemoryGuard, estimate: MemoryEstimate, isOnGpu: boolean) {
    this.network = executor.network;
    this.#executor = executor;
    this.#guard = guard;
    this.#estimate = estimate;
    this.#isOnGpu = isOnGpu;
  }

  trainStep(batch: Batch, path: Path, settings: StepSettings): StepResult {
    this.#before("train", path, batch);
    return this.#executor.trainStep(batch, path, settings);
  }

  evaluate(batches: Iterable<Batch>, paths: readonly Path[], statistics: Statistics): Evaluation[] {
    const [first] = paths;
    return this.#executor.evaluate(first ? this.#each(batches, first) : batches, paths, statistics);
  }

  logits(batch: Batch, path: Path, statistics: Statistics): Float32Array {
    this.#before("measure", path, batch);
    return this.#executor.logits(batch, path, statistics);
  }

  calibrate(batches: Iterable<Batch>, path: Path): void {
    this.#executor.calibrate(this.#each(batches, path), path);
  }

  digest(): string {
    return this.#executor.digest();
  }

  values(): NamedValues {
    return this.#executor.values();
  }

  load(values: NamedValues): void {
    this.#executor.load(values);
  }

  dispose(): void {
    this.#executor.dispose();
  }

  *#each(batches: Iterable<Batch>, path: Path): Iterable<Batch> {
    for (const batch of batches) {
      this.#before("measure", path, batch);
      yield batch;
    }
  }

  /** Training and measuring are compiled apart, and what the one has taken stays taken when the other begins. */
  #bytes(work: Work, kind: Path["kind"], images: number): number {
    const estimate = this.#estimate;
    if (work === "train") {
      // What is trained is measured in the end, a final network in batches as large as training's for its statistics.
      const measured = Math.max(images, this.#admitted.get(keyOf("measure", kind))?.images ?? 0);
      return estimate.bytes("train", kind, images) + estimate.addedBytes(kind, measured);
    }
    const trained = pathKinds.map((of) => {
      const step = this.#admitted.get(keyOf("train", of));
      return step === undefined ? 0 : estimate.bytes("train", of, step.images);
    });
    const most = Math.max(...trained);
    return most === 0 ? estimate.bytes("measure", kind, images) : most + estimate.addedBytes(kind, images);
  }

  #before(work: Work, { kind }: Path, { y: { length: images } }: Batch): void {
    if (this.#isOnGpu) return;
    const key = keyOf(work, kind);
    const noted = `${this.#guard.begun} ${key}`;
    let step = this.#admitted.get(key);
    if (step !== undefined && images <= step.images && this.#noted === noted) return;
    if (step === undefined || images > step.images) {
      const bytes = this.#bytes(work, kind, images);
      const covering = [...this.#admitted.values()].find((other) => other.bytes >= bytes);
      step = {
        images,
        bytes,
        mayBeRefused: covering?.mayBeRefused ?? this.#guard.admit(work, images, bytes),
      };
      this.#admitted.set(key, step);
    }
    this.#guard.note(step);
    this.#noted = noted;
  }
}

const pathKinds: readonly Path["kind"][] = ["single", "mixture", "only"];

const keyOf = (work: Work, kind: Path["kind"]): string => `${work} ${kind}`;
