/**
 * Stochastic gradient descent with momentum as in PyTorch: the gradient is clipped by its global norm, weight
 * decay is added to it, then the momentum is updated. Works on all weights of a step joined into one vector,
 * because an operation costs about the same for ten numbers as for ten thousand.
 */

import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { Weights } from "../weights.ts";
import { DivergenceError, type StepSettings } from "./executor.ts";

/** PyTorch's `clip_grad_norm_` divides by the norm plus this. */
export const CLIP_EPSILON = 1e-6;

/** A learning rate that falls from its start to 0 along half a cosine. */
export function cosine(start: number, step: number, totalSteps: number): number {
  return (start / 2) * (1 + Math.cos((Math.PI * Math.min(step, totalSteps)) / totalSteps));
}

/**
 * Updates the named weights and their momentum.
 *
 * @param gradients one per name, in the weight's shape; not disposed
 * @returns the norm of the whole gradient before clipping
 * @throws DivergenceError where that norm is no number; nothing is then changed
 */
export function descend(
  weights: Weights,
  names: readonly string[],
  gradients: readonly Tensor[],
  { learningRate, momentum, weightDecay, clipNorm }: StepSettings,
): number {
  const { tf } = weights;
  const sizes = gradients.map((gradient) => gradient.size);
  const joined = tf.tidy(() => tf.concat1d(gradients.map(flatten)));
  const squared = tf.tidy(() => tf.sum(tf.square(joined)));
  const norm = Math.sqrt(squared.dataSync()[0] as number);
  squared.dispose();
  if (!Number.isFinite(norm)) {
    joined.dispose();
    throw new DivergenceError("gradient's norm", norm);
  }
  const [flats, momenta] = tf.tidy(() => {
    const value = tf.concat1d(names.map((name) => weights.flat(name)));
    const moved = tf.concat1d(
      names.map((name, index) => weights.momentum(name) ?? tf.zeros([sizes[index] as number])),
    );
    const clipped = tf.mul(joined, Math.min(1, clipNorm / (norm + CLIP_EPSILON)));
    const next = tf.addN([tf.mul(moved, momentum), clipped, tf.mul(value, weightDecay)]);
    const stepped = tf.sub(value, tf.mul(next, learningRate));
    return [tf.split(stepped, sizes), tf.split(next, sizes)] as [Tensor1D[], Tensor1D[]];
  });
  joined.dispose();
  for (const [index, name] of names.entries()) {
    weights.update(name, flats[index] as Tensor1D, momenta[index] as Tensor1D);
  }
  return norm;

  function flatten(tensor: Tensor): Tensor1D {
    return tensor.rank === 1 ? (tensor as Tensor1D) : (tf.reshape(tensor, [-1]) as Tensor1D);
  }
}
