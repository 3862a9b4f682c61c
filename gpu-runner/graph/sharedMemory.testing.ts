/**
 * Sessions whose variables are assigned from JavaScript's arrays and read at once, for as many seconds as its argument
 * says: TensorFlow's threads let go of what was assigned while JavaScript goes on. Prints what it has done as JSON.
 */

import type { Tensor } from "@tensorflow/tfjs-core";
import { loadBackend, type TensorFlow } from "../kernels/backend.ts";
import { Body } from "./body.ts";
import { attribute } from "./nodes.ts";
import { Session } from "./session.ts";

const VARIABLES = 48;
const SHAPE = [4, 64];
const SIZE = 256;
const BYTES = SIZE * Float32Array.BYTES_PER_ELEMENT;
/** TensorFlow can use memory that is not its own where this divides the address. */
const TENSORFLOW_ALIGNMENT = 64;
/** What divides the address of an array's memory. */
const ALIGNMENT = 16;

const names = Array.from({ length: VARIABLES }, (_, index) => `w${index}`);
const expected = (VARIABLES * (VARIABLES - 1)) / 2;

/** `w_set` assigns variable `w`, `w_stored` waits for it; `sum` adds rows of all of them. */
function graph(): Body {
  const body = new Body(false);
  const dtype = attribute.type("float32");
  const shape = attribute.shape(SHAPE);
  const gathered = names.map((name) => {
    const handle = { dtype, shape, shared_name: attribute.string(name), container: attribute.string("") };
    body.add("VarHandleOp", [], handle, name);
    body.add("Placeholder", [], { dtype, shape }, `${name}_set`);
    body.outputs(0, "AssignVariableOp", [name, `${name}_set`], { dtype }, `${name}_assign`);
    body.add("Identity", [body.floats([0]), `^${name}_assign`], { T: dtype }, `${name}_stored`);
    const rows = {
      ...{ dtype, Tindices: attribute.type("int32") },
      ...{ batch_dims: attribute.int(0), validate_indices: attribute.bool(true) },
    };
    return body.add("ResourceGather", [name, body.ints([1, 2])], rows);
  });
  body.add("AddN", gathered, { T: dtype, N: attribute.int(VARIABLES) }, "sum");
  return body;
}

/**
 * @param memory of what is assigned
 * @param firstByte of it there
 * @returns every number of the sum
 */
function runOnce(tf: TensorFlow, body: Body, memory: ArrayBuffer, firstByte: number): Float32Array {
  const session = new Session(tf, { nodes: body.nodes, functions: [], signatures: {} });
  try {
    tf.tidy(() => {
      const feeds: Record<string, Tensor> = {};
      for (const [index, name] of names.entries()) {
        const values = new Float32Array(memory, firstByte + index * BYTES, SIZE).fill(index);
        feeds[`${name}_set`] = tf.tensor(values, SHAPE);
      }
      session.run(
        feeds,
        names.map((name) => `${name}_stored:0`),
      );
    });
    return tf.tidy(() => session.run({}, ["sum:0"])[0]?.dataSync()) as Float32Array;
  } finally {
    session.dispose();
  }
}

const { tf } = await loadBackend("tensorflow");
const body = graph();
const memory = new ArrayBuffer(TENSORFLOW_ALIGNMENT + VARIABLES * BYTES);
const endMs = performance.now() + Number(process.argv[2]) * 1000;
let sessions = 0;
let wrong = 0;
while (performance.now() < endMs) {
  const firstByte = (sessions * ALIGNMENT) % TENSORFLOW_ALIGNMENT; // one of each four is aligned
  if (runOnce(tf, body, memory, firstByte).some((value) => value !== expected)) wrong++;
  sessions++;
  // What finalisers and garbage collection put off.
  await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(`${JSON.stringify({ sessions, wrong })}\n`);
