/** What tests of devices measure: small, and of every kind. */

import { DARTS_V2 } from "../shared/genotypes.ts";
import type { MeasuringSettings, NetworkSubject, OperationSubject } from "../shared/measuring.ts";

export const smallNetwork: NetworkSubject = {
  key: "small",
  kind: "network",
  genotype: DARTS_V2,
  hash: "small",
  skeleton: "cells",
  stem: "cifar",
  channels: 4,
  layers: 3,
  classes: 10,
  image: { height: 16, width: 16, channels: 3 },
};

export const operation = (name: string, stride: 1 | 2 = 1): OperationSubject => ({
  key: `${name}/${stride}`,
  kind: "operation",
  operation: name,
  shape: { height: 9, width: 8, channels: 6 },
  stride,
});

export const briefly: MeasuringSettings = { batchSize: 1, width: 0.1, limitSeconds: 0.5 };
