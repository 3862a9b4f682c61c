/** The data sets that have a name: what the edge must know of them without holding an image. */

export interface DatasetFacts {
  image: { height: number; width: number; channels: number };
  classes: number;
  trainImages: number;
  testImages: number;
}

export const datasetFacts = {
  "fashion-mnist": {
    image: { height: 28, width: 28, channels: 1 },
    classes: 10,
    trainImages: 60_000,
    testImages: 10_000,
  },
  cifar10: {
    image: { height: 32, width: 32, channels: 3 },
    classes: 10,
    trainImages: 50_000,
    testImages: 10_000,
  },
  cifar100: {
    image: { height: 32, width: 32, channels: 3 },
    classes: 100,
    trainImages: 50_000,
    testImages: 10_000,
  },
} as const satisfies Record<string, DatasetFacts>;

export type DatasetName = keyof typeof datasetFacts;

export const datasetNames = Object.keys(datasetFacts) as DatasetName[];

/** The facts of a named data set. Throws RangeError for an unknown name. */
export function factsOf(name: string): DatasetFacts {
  if (Object.hasOwn(datasetFacts, name)) return datasetFacts[name as DatasetName];
  throw new RangeError(`no data set "${name}"; use one of ${datasetNames.join(", ")}`);
}
