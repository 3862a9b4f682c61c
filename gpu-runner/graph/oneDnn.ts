/** Whether TensorFlow has oneDNN's kernels under their own names: its builds for x86 do, others do not. */

import type { TensorFlow } from "../kernels/backend.ts";
import { attribute } from "./nodes.ts";
import { Session } from "./session.ts";

let known: boolean | undefined;

export function hasOneDnn(tf: TensorFlow): boolean {
  known ??= find(tf);
  return known;
}

function find(tf: TensorFlow): boolean {
  const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  if (backend.isUsingGpuDevice || process.env.TF_ENABLE_ONEDNN_OPTS === "0") return false;
  const attributes = { T: attribute.type("float32"), _kernel: attribute.string("MklNameChangeOp") };
  try {
    const session = new Session(tf, {
      nodes: [
        { name: "x", op: "Placeholder", input: [], attr: { dtype: attribute.type("float32") } },
        {
          name: "y",
          op: "_MklNativeAvgPool",
          input: ["x"],
          attr: {
            ...attributes,
            data_format: attribute.string("NHWC"),
            padding: attribute.string("VALID"),
            ksize: attribute.ints([1, 2, 2, 1]),
            strides: attribute.ints([1, 1, 1, 1]),
          },
        },
      ],
      signatures: {},
    });
    tf.tidy(() => session.run({ x: tf.zeros([1, 2, 2, 1]) }, ["y:0"]));
    session.dispose();
    return true;
  } catch {
    return false;
  }
}
