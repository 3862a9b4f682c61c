/** The images that the supernet is trained on and those that rank with it: two parts of CIFAR-10's training images. */

import type { Dataset, Images } from "../../gpu-runner/data/dataset.ts";
import { splitHalves } from "../../gpu-runner/data/split.ts";

/** Share of the training images that train no weights. */
const HELD_OUT_SHARE = 0.2;

export interface RankingImages {
  images: Images;
  normalisation: Pick<Dataset, "mean" | "std">;
  /** Indices of those that train weights. */
  train: Int32Array;
  /** Indices of those that rank. */
  heldOut: Int32Array;
}

/**
 * Splits the training images, made smaller where a smaller side is wanted; the test images are not looked at.
 *
 * @throws RangeError where the side is not the images' own divided by a whole number
 */
export function rankingImages(
  { train: images, mean, std }: Pick<Dataset, "train" | "mean" | "std">,
  { sidePixels, seed }: { sidePixels: number; seed: number },
): RankingImages {
  const { weights, rewards } = splitHalves(images, seed, { valid: HELD_OUT_SHARE });
  return {
    images: shrink(images, sidePixels),
    normalisation: { mean, std },
    train: weights,
    heldOut: rewards,
  };
}

/** Every pixel the mean of a square of pixels. */
function shrink(images: Images, sidePixels: number): Images {
  const { count, height, width, channels } = images;
  const factor = height / sidePixels;
  if (factor === 1) return images;
  if (!Number.isInteger(factor) || width !== height)
    throw new RangeError(`Images of ${width}x${height} cannot be made ${sidePixels}x${sidePixels}.`);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * sidePixels * sidePixels * channels));
  let to = 0;
  for (let image = 0; image < count; image++)
    for (let row = 0; row < sidePixels; row++)
      for (let column = 0; column < sidePixels; column++)
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          for (let y = row * factor; y < (row + 1) * factor; y++)
            for (let x = column * factor; x < (column + 1) * factor; x++)
              sum += images.pixels[((image * height + y) * width + x) * channels + channel] as number;
          pixels[to++] = Math.round(sum / factor ** 2);
        }
  return { ...images, height: sidePixels, width: sidePixels, pixels };
}
