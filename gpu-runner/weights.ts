/**
 * The trained numbers of a network: named weights with their momentum, moving statistics of batch
 * normalisation, their hash and their file format. Knows shapes and names, not how a network is executed.
 *
 * The file: 4 bytes length of a JSON header, the header, then 32-bit floats, all little-endian. The header tells the
 * format; a file without it is of the first.
 */

import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { fnv1a64 } from "../shared/hash.ts";
import type { TensorFlow } from "./kernels/backend.ts";
import { type NamedValues, sizeOf, startValues, type WeightShape } from "./weightShapes.ts";

/** A weight's tensors. `flat` and `momentum` have one dimension; momentum is absent until the first step. */
interface Slot {
  value: Tensor;
  flat: Tensor1D;
  momentum?: Tensor1D;
}

/** The weights of a network as tensors that live until `dispose`, with the momentum of those that were trained. */
export class Weights {
  readonly tf: TensorFlow;
  readonly shapes: ReadonlyMap<string, WeightShape>;
  /** Sorted. */
  readonly names: readonly string[];
  readonly #slots = new Map<string, Slot>();

  /** @throws Error where two weights have the same name */
  constructor(tf: TensorFlow, shapes: WeightShape[], seed: number) {
    this.tf = tf;
    this.shapes = new Map(shapes.map((shape) => [shape.name, shape]));
    if (this.shapes.size !== shapes.length) throw new Error("Two weights of the network have the same name.");
    this.names = [...this.shapes.keys()].sort();
    for (const shape of shapes) this.update(shape.name, tf.tensor1d(startValues(shape, seed)), undefined);
  }

  /** In the weight's shape. */
  get(name: string): Tensor {
    return this.#slot(name).value;
  }

  flat(name: string): Tensor1D {
    return this.#slot(name).flat;
  }

  momentum(name: string): Tensor1D | undefined {
    return this.#slot(name).momentum;
  }

  shapeOf(name: string): readonly number[] {
    const known = this.shapes.get(name);
    if (!known) throw new Error(`The network has no weight ${name}.`);
    return known.shape;
  }

  /** Takes ownership of the tensors and disposes those that they replace. */
  update(name: string, flat: Tensor1D, momentum: Tensor1D | undefined): void {
    const { tf } = this;
    const shape = this.shapeOf(name);
    const value = shape.length === 1 ? flat : tf.tidy(() => tf.reshape(flat, [...shape]));
    const slot: Slot = { value: tf.keep(value), flat: tf.keep(flat) };
    if (momentum) slot.momentum = tf.keep(momentum);
    this.#disposeSlot(this.#slots.get(name));
    this.#slots.set(name, slot);
  }

  /** All weights, one after the other in the order of their names. */
  joined(): Float32Array {
    const { tf } = this;
    const joined = tf.tidy(() => tf.concat1d(this.names.map((name) => this.flat(name))));
    const values = joined.dataSync() as Float32Array;
    joined.dispose();
    return values;
  }

  /** FNV-1a 64 over the weights' 32-bit words in the order of their names, hexadecimal. */
  digest(): string {
    return weightsDigest(this.joined());
  }

  /** Weights under their names and momentum under `momentum/<name>`. */
  values(): NamedValues {
    const result: NamedValues = new Map();
    const joined = this.joined();
    let offset = 0;
    for (const name of this.names) {
      const shape = [...this.shapeOf(name)];
      const end = offset + sizeOf(shape);
      result.set(name, { shape, values: joined.slice(offset, end) });
      offset = end;
    }
    for (const name of this.names) {
      const momentum = this.momentum(name);
      if (!momentum) continue;
      const values = Float32Array.from(momentum.dataSync());
      result.set(`momentum/${name}`, { shape: [values.length], values });
    }
    return result;
  }

  /**
   * Replaces weights and momentum by those of `values()`.
   *
   * @throws Error where a weight is missing or has another shape
   */
  load(stored: NamedValues): void {
    for (const [name, { shape }] of this.shapes) {
      const entry = stored.get(name);
      if (!entry) throw new Error(`The checkpoint has no weight ${name}.`);
      if (entry.shape.join() !== shape.join()) {
        throw new Error(
          `Weight ${name} is [${entry.shape}] in the checkpoint and [${shape}] in the network.`,
        );
      }
    }
    for (const name of this.names) {
      const momentum = stored.get(`momentum/${name}`);
      this.update(
        name,
        this.tf.tensor1d((stored.get(name) as { values: Float32Array }).values),
        momentum && this.tf.tensor1d(momentum.values),
      );
    }
  }

  dispose(): void {
    for (const slot of this.#slots.values()) this.#disposeSlot(slot);
    this.#slots.clear();
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (!slot) throw new Error(`The network has no weight ${name}.`);
    return slot;
  }

  #disposeSlot(slot: Slot | undefined): void {
    if (!slot) return;
    slot.flat.dispose();
    if (slot.value !== slot.flat) slot.value.dispose();
    slot.momentum?.dispose();
  }
}

/** FNV-1a 64 over the 32-bit words of the values, hexadecimal: fast enough for millions of weights each round. */
export function weightsDigest(values: Float32Array): string {
  const { high, low } = fnv1a64(new Uint32Array(values.buffer, values.byteOffset, values.length));
  return [high, low].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** Of checkpoints, `meta` included: raised when what an older runner wrote cannot be read any more. */
const fileFormat = 1;

interface FileHeader {
  format?: number;
  meta: unknown;
  tensors: { name: string; shape: number[] }[];
}

/** The checkpoint file of named values; `meta` is any JSON. */
export function serialise(values: NamedValues, meta: unknown): Uint8Array {
  const tensors = [...values].map(([name, { shape }]) => ({ name, shape }));
  const header: FileHeader = { format: fileFormat, meta, tensors };
  const text = Buffer.from(JSON.stringify(header));
  const padding = (4 - (text.length % 4)) % 4;
  const headerText = Buffer.concat([text, Buffer.alloc(padding, " ")]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(headerText.length);
  const parts = [...values.values()].map(({ values: floats }) =>
    Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength),
  );
  return Buffer.concat([length, headerText, ...parts]);
}

/** @throws Error where the bytes are no file of `serialise`, or one of another format */
export function deserialise(bytes: Uint8Array): { values: NamedValues; meta: unknown } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (what: string) => new Error(`the checkpoint is damaged: ${what}`);
  if (bytes.length < 4) throw damaged("it is too short");
  const headerEnd = 4 + view.getUint32(0, true);
  if (headerEnd > bytes.length) throw damaged("its header is cut off");
  let header: FileHeader;
  try {
    header = JSON.parse(Buffer.from(bytes.subarray(4, headerEnd)).toString("utf8"));
  } catch {
    throw damaged("its header is no JSON");
  }
  const { format = 1 } = header;
  if (format !== fileFormat)
    throw new Error(
      `the checkpoint has format ${format}, this runner reads format ${fileFormat}: another version wrote it`,
    );
  const values: NamedValues = new Map();
  let offset = headerEnd;
  for (const { name, shape } of header.tensors) {
    const end = offset + sizeOf(shape) * 4;
    if (end > bytes.length) throw damaged(`${name} is cut off`);
    // A copy, because the offset in the file need not be aligned.
    values.set(name, { shape, values: new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer) });
    offset = end;
  }
  if (offset !== bytes.length) throw damaged("it is too long");
  return { values, meta: header.meta };
}
