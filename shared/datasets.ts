/** The built-in data sets: what the edge must know of them without holding an image. Others are pushed by users. */

export interface DatasetFacts {
  image: { height: number; width: number; channels: number };
  classes: number;
  trainImages: number;
  testImages: number;
  /** Share of the training images in the largest class; all are of one size where it is absent. */
  largestClass?: number | undefined;
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

/** Percent that whoever always answers with the largest class gets right. */
export function trivialAccuracy(dataset: DatasetReference): number {
  const { classes, largestClass = 1 / classes } = factsOf(dataset);
  return 100 * largestClass;
}

/** A data set as a checked specification names it; `facts` are those of a pushed one, found by the edge. */
export interface DatasetReference {
  name: string;
  facts?: DatasetFacts | undefined;
}

export const isBuiltIn = (name: string): name is DatasetName => Object.hasOwn(datasetFacts, name);

/** The facts of a data set. Throws RangeError for a name that is not built in and comes without facts. */
export function factsOf({ name, facts }: DatasetReference): DatasetFacts {
  if (isBuiltIn(name)) return datasetFacts[name];
  if (facts !== undefined) return facts;
  throw new RangeError(`no data set "${name}"; use one of ${datasetNames.join(", ")}`);
}
