/** A subject as a graph model of TensorFlow.js, on whichever backend is set, in Node and in browsers. */

import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Subject } from "../shared/measuring.ts";
import type { Loaded } from "./backend.ts";
import { graphModelOf } from "./network.ts";

type Core = Pick<typeof import("@tensorflow/tfjs-core"), "io" | "memory" | "profile" | "tensor4d" | "tidy">;
type LoadGraphModel = (source: ReturnType<Core["io"]["fromMemory"]>) => Promise<GraphModel>;

export async function loadTfjsGraph(
  tf: Core,
  loadGraphModel: LoadGraphModel,
  { subject, batchSize }: { subject: Subject; batchSize: number },
): Promise<Loaded> {
  const before = tf.memory().numBytes;
  const { artifacts, inputShape, inputValues } = graphModelOf(subject, batchSize);
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const infer = () => tf.tidy(() => model.predict(tf.tensor4d(inputValues, inputShape)) as Tensor);
  return {
    async run() {
      const output = infer();
      try {
        await output.data();
      } finally {
        output.dispose();
      }
    },
    /** Of tensors, weights included; what a backend pads, or its kernels take for themselves, is not in it. */
    async peakBytes() {
      const { kernels } = await tf.profile(() => {
        infer().dispose();
        return {};
      });
      return Math.max(...kernels.map(({ totalBytesSnapshot }) => totalBytesSnapshot)) - before;
    },
    dispose: () => model.dispose(),
  };
}
