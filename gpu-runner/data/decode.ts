/** Image files to pixels, and pixels to another size, through sharp, which is loaded only where it is needed. */

import type * as Sharp from "sharp";
import { DataError, reasonOf } from "./files.ts";
import type { Size } from "./formats/format.ts";

export interface ImageFacts extends Size {
  /** Whether it has no colours: one channel, perhaps with transparency. */
  isGrey: boolean;
}

export interface Decoder {
  /** What an image file holds, turned as it asks to be shown. @throws Error where it is no image */
  look(file: string): Promise<ImageFacts>;
  /**
   * An image's pixels, HWC. Where it has another size it is scaled until it covers the wanted one and its middle is
   * cut out. Transparency is dropped.
   *
   * @throws Error where it is damaged
   */
  decode(file: string, shape: Size & { channels: number }): Promise<Uint8Array>;
  /** The same for pixels that are decoded already. */
  resize(pixels: Uint8Array, from: Size & { channels: number }, to: Size): Promise<Uint8Array>;
}

/** @throws DataError where sharp has no binary for this machine */
export async function loadDecoder(
  load: () => Promise<typeof Sharp> = () => import("sharp"),
): Promise<Decoder> {
  let loaded: typeof Sharp;
  try {
    loaded = await load();
  } catch (err) {
    throw new DataError(
      `Images cannot be decoded on this machine (${process.platform}-${process.arch}): ${reasonOf(err).split("\n")[0]}.`,
      "Install sharp's binary with `npm ci --include=optional`, or give the data as .npz or IDX in their final size.",
    );
  }
  const sharp = loaded.default;
  sharp.cache(false);
  const finish = (image: Sharp.Sharp, { height, width, channels }: Size & { channels: number }) =>
    image
      .resize({ width, height, fit: "cover" })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer();
  return {
    async look(file) {
      const { autoOrient, channels } = await sharp(file).metadata();
      return { height: autoOrient.height, width: autoOrient.width, isGrey: channels < 3 };
    },
    async decode(file, shape) {
      const pixels = await finish(sharp(file).autoOrient().removeAlpha(), shape);
      const expected = shape.height * shape.width * shape.channels;
      if (pixels.length !== expected)
        throw new Error(`it has ${pixels.length} values instead of ${expected}`);
      return pixels;
    },
    resize(pixels, { height, width, channels }, to) {
      const raw = { height, width, channels: channels as Sharp.Channels };
      return finish(sharp(pixels, { raw }), { ...to, channels });
    },
  };
}
