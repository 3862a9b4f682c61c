/** Images on a canvas and as numbers for a network. */

export interface Size {
  height: number;
  width: number;
  channels: number;
}

/** The weights of luma of ITU-R BT.601, as images are made grey. */
const luma = [0.299, 0.587, 0.114] as const;

/** What a network of this size sees of a canvas's pixels, from 0 to 255. Transparent pixels are black. */
export function seenOf(
  rgba: Uint8ClampedArray,
  { channels }: Pick<Size, "channels">,
  isInverted = false,
): Float32Array {
  const count = rgba.length / 4;
  const seen = new Float32Array(count * channels);
  for (let pixel = 0; pixel < count; pixel++) {
    const opacity = (rgba[4 * pixel + 3] ?? 0) / 255;
    const colour = (channel: number) => (rgba[4 * pixel + channel] ?? 0) * opacity;
    const grey = Math.round(luma.reduce((sum, weight, channel) => sum + weight * colour(channel), 0));
    for (let channel = 0; channel < channels; channel++) {
      const value = channels === 3 ? colour(channel) : grey;
      seen[pixel * channels + channel] = isInverted ? 255 - value : value;
    }
  }
  return seen;
}

/** The same as a canvas shows it. */
export function rgbaOf(
  seen: ArrayLike<number>,
  { channels }: Pick<Size, "channels">,
): Uint8ClampedArray<ArrayBuffer> {
  const count = seen.length / channels;
  const rgba = new Uint8ClampedArray(count * 4);
  for (let pixel = 0; pixel < count; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      rgba[4 * pixel + channel] = seen[pixel * channels + (channels === 3 ? channel : 0)] ?? 0;
    rgba[4 * pixel + 3] = 255;
  }
  return rgba;
}

/** The part in the middle of an image that has the network's proportions. */
export function middleOf(image: { width: number; height: number }, { width, height }: Size) {
  const scale = Math.min(image.width / width, image.height / height);
  const [across, down] = [width * scale, height * scale];
  return { x: (image.width - across) / 2, y: (image.height - down) / 2, width: across, height: down };
}

/** Decoded by the browser, cut to the network's proportions and resized. @throws Error where it is no image */
export async function pixelsOfFile(file: Blob, size: Size): Promise<Uint8ClampedArray> {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error("The browser cannot read this file as an image. Take a PNG or a JPEG.");
  });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size.width, size.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("This browser gives no canvas to draw on.");
  context.imageSmoothingQuality = "high";
  const part = middleOf(image, size);
  context.drawImage(image, part.x, part.y, part.width, part.height, 0, 0, size.width, size.height);
  image.close();
  return context.getImageData(0, 0, size.width, size.height).data;
}
