/** Nodes of TensorFlow graphs and makers of their attributes, as plain data: what every way of writing a graph builds on. */

export const dataTypes = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  bool: 10,
  bfloat16: 14,
  resource: 20,
} as const;
export type DataType = keyof typeof dataTypes;

export interface TensorShape {
  dim: { size: number }[];
}

/** An attribute of a node, as one of the alternatives that TensorFlow knows. */
export interface Attribute {
  s?: Uint8Array;
  i?: number;
  f?: number;
  b?: boolean;
  type?: number;
  shape?: TensorShape;
  tensor?: { dtype: number; tensorShape: TensorShape; tensorContent: Uint8Array };
  func?: { name: string };
  list?: { i?: number[]; type?: number[]; func?: { name: string }[] };
}

export interface NodeDef {
  name: string;
  op: string;
  input: string[];
  attr: Record<string, Attribute>;
}

const text = new TextEncoder();

/** Makers of attributes. */
export const attribute = {
  type: (type: DataType): Attribute => ({ type: dataTypes[type] }),
  types: (types: readonly DataType[]): Attribute => ({
    list: { type: types.map((type) => dataTypes[type]) },
  }),
  int: (i: number): Attribute => ({ i }),
  ints: (values: readonly number[]): Attribute => ({ list: { i: [...values] } }),
  float: (f: number): Attribute => ({ f }),
  bool: (b: boolean): Attribute => ({ b }),
  string: (value: string): Attribute => ({ s: text.encode(value) }),
  shape: (shape: readonly number[]): Attribute => ({ shape: shapeOf(shape) }),
  functions: (names: readonly string[]): Attribute => ({ list: { func: names.map((name) => ({ name })) } }),
  tensor: (values: Float32Array | Int32Array, shape: readonly number[]): Attribute => ({
    tensor: {
      dtype: values instanceof Int32Array ? dataTypes.int32 : dataTypes.float32,
      tensorShape: shapeOf(shape),
      tensorContent: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    },
  }),
};

const shapeOf = (shape: readonly number[]): TensorShape => ({ dim: shape.map((size) => ({ size })) });
