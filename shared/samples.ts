/** A few labelled images to try a trained model on, as an export holds them. Pure. */

export interface Samples {
  /** Of the architecture that was tested on them. */
  hash: string;
  image: { height: number; width: number; channels: number };
  classNames: string[];
  /** Bytes from 0 to 255, rows then columns then channels, in base64. */
  images: { label: number; pixels: string }[];
}

interface Labelled {
  count: number;
  height: number;
  width: number;
  channels: number;
  classes: number;
  classNames: string[];
  pixels: Uint8Array;
  labels: ArrayLike<number>;
}

const most = 24;
/** Large images are fewer. */
const mostBytes = 1024 * 1024;
/** Of the first so many images. */
const lookedAt = 2000;

/** The first of each class in turn, so that few images show many classes. */
export function samplesOf(hash: string, images: Labelled): Samples {
  const { height, width, channels, classNames, pixels, labels, count } = images;
  const bytes = height * width * channels;
  const wanted = Math.min(most, count, Math.max(1, Math.floor(mostBytes / bytes)));
  const byClass = new Map<number, number[]>();
  for (let index = 0; index < Math.min(count, lookedAt); index++) {
    const label = labels[index] ?? 0;
    byClass.set(label, [...(byClass.get(label) ?? []), index]);
  }
  const classes = [...byClass.keys()].sort((a, b) => a - b);
  const chosen: number[] = [];
  for (let turn = 0; chosen.length < wanted; turn++) {
    const before = chosen.length;
    for (const label of classes) {
      const index = byClass.get(label)?.[turn];
      if (index !== undefined && chosen.length < wanted) chosen.push(index);
    }
    if (chosen.length === before) break;
  }
  return {
    hash,
    image: { height, width, channels },
    classNames,
    images: chosen.map((index) => ({
      label: labels[index] ?? 0,
      pixels: base64Of(pixels.subarray(index * bytes, (index + 1) * bytes)),
    })),
  };
}

/** The bytes of an image. */
export const pixelsOf = ({ pixels }: Samples["images"][number]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));

function base64Of(bytes: Uint8Array): string {
  const step = 8192;
  let text = "";
  for (let first = 0; first < bytes.length; first += step)
    text += String.fromCharCode(...bytes.subarray(first, first + step));
  return btoa(text);
}
