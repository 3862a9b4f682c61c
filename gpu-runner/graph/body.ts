/**
 * Collects the nodes of a graph or of a function. Knows how nodes refer to each other, nothing about what they
 * compute.
 */

import { type Attribute, attribute, type DataType, dataTypes, type NodeDef } from "./nodes.ts";
import type { FunctionDef } from "./savedModel.ts";

/** An output of a node or an argument of a function, as written in the `input` of other nodes. */
export type Value = string;

/** Names of outputs, which functions refer to by name; operations that are not listed have one, named `output`. */
const outputNames: Record<string, readonly string[]> = {
  AddV2: ["z"],
  Cast: ["y"],
  FusedBatchNormGradV3: [
    "x_backprop",
    "scale_backprop",
    "offset_backprop",
    "reserve_space_4",
    "reserve_space_5",
  ],
  FusedBatchNormV3: [
    "y",
    "batch_mean",
    "batch_variance",
    "reserve_space_1",
    "reserve_space_2",
    "reserve_space_3",
  ],
  GreaterEqual: ["z"],
  Less: ["z"],
  MatMul: ["product"],
  MaxPool: ["output", "workspace"],
  Mul: ["z"],
  RealDiv: ["z"],
  Relu: ["activations"],
  ReluGrad: ["backprops"],
  Sub: ["z"],
  ZerosLike: ["y"],
};
/** Operations whose one output is a list. */
const listOutputs = new Set(["SplitV", "Split", "Unpack", "StatelessCase"]);

/** oneDNN's kernels have names of their own and the outputs of what they stand for. */
const standardName = (op: string): string => op.replace(/^_MklNative/, "");

const FLOAT = { T: attribute.type("float32") };

export class Body {
  readonly nodes: NodeDef[] = [];
  readonly #isFunction: boolean;
  readonly #constants = new Map<string, Value>();
  #count = 0;

  constructor(isFunction: boolean) {
    this.#isFunction = isFunction;
  }

  /** @returns all outputs asked for */
  outputs(
    count: number,
    op: string,
    input: readonly Value[],
    attr: Record<string, Attribute> = FLOAT,
    name = `n${(this.#count++).toString(36)}`,
  ): Value[] {
    this.nodes.push({ name, op, input: [...input], attr });
    return Array.from({ length: count }, (_, index) => this.#reference(name, op, index));
  }

  /** @returns the first output */
  add(op: string, input: readonly Value[], attr?: Record<string, Attribute>, name?: string): Value {
    return this.outputs(1, op, input, attr, name)[0] as Value;
  }

  /** Equal constants are one node. */
  floats(values: readonly number[], shape: readonly number[] = []): Value {
    return this.#constant("float32", Float32Array.from(values), shape);
  }

  ints(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.#constant("int32", Int32Array.from(values), shape);
  }

  #constant(type: "float32" | "int32", values: Float32Array | Int32Array, shape: readonly number[]): Value {
    const key = `${type} ${shape} ${values}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const value = this.add("Const", [], {
      dtype: attribute.type(type),
      value: attribute.tensor(values, shape),
    });
    this.#constants.set(key, value);
    return value;
  }

  /** Values that no one reads, where a function has to give something. */
  nothing(type: DataType): Value {
    if (type === "uint8") {
      return this.add("Const", [], {
        dtype: attribute.type("uint8"),
        value: {
          tensor: {
            dtype: dataTypes.uint8,
            tensorShape: { dim: [{ size: 0 }] },
            tensorContent: new Uint8Array(),
          },
        },
      });
    }
    return this.floats([], [0]);
  }

  #reference(name: string, op: string, index: number): Value {
    if (!this.#isFunction) return index === 0 ? name : `${name}:${index}`;
    if (listOutputs.has(op)) return `${name}:output:${index}`;
    const names = outputNames[standardName(op)] ?? ["output"];
    return `${name}:${names[index]}:0`;
  }
}

/** A value that goes in or out of a function. */
export interface Typed {
  value: Value;
  type: DataType;
}

/** A function whose arguments are `inputs`, named as the body refers to them. */
export function functionOf(
  name: string,
  body: Body,
  inputs: readonly Typed[],
  outputs: readonly Typed[],
): FunctionDef {
  const argument = (argumentName: string, type: DataType) => ({ name: argumentName, type: dataTypes[type] });
  return {
    signature: {
      name,
      inputArg: inputs.map(({ value, type }) => argument(value, type)),
      outputArg: outputs.map(({ type }, index) => argument(`o${index}`, type)),
    },
    nodeDef: body.nodes,
    ret: Object.fromEntries(outputs.map(({ value }, index) => [`o${index}`, value])),
  };
}
