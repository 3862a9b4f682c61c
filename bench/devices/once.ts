/** One measurement in a process of its own: the setting as JSON, the result as JSON. */

import { type NodeBackendName, nodeBackends } from "../../device/backends/index.ts";
import { measureSubject } from "../../device/measure.ts";
import { besideReference } from "../../device/reference.ts";
import { networkSettings } from "../../shared/measuring.ts";
import type { NetworkSize } from "../../shared/network.ts";
import { networkSubject } from "../../shared/prediction/subjects.ts";
import { Random } from "../../shared/random.ts";
import { randomSelection, resolveSpace } from "../../shared/space.ts";

interface Asked {
  backend: NodeBackendName;
  space: string;
  size: NetworkSize;
  referenceMs: number | null;
}

const { backend, space: name, size, referenceMs } = JSON.parse(process.argv[2] ?? "") as Asked;
const space = resolveSpace(name);
const device = await nodeBackends[backend]({});
const subject = networkSubject(space, size, randomSelection(space, new Random(5)));
const settings = networkSettings;
const beside = await besideReference(device, { objectives: ["latency"], settings, referenceMs }, {});
if (beside === null) throw new Error("the reference could not be measured");
const { values, failure } = await measureSubject(device, subject, ["latency"], settings, {
  reference: beside.reference,
});
if (!values.latency) throw new Error(failure);
console.log(JSON.stringify({ median: values.latency.median, referenceMs: beside.measured.median }));
process.exit(0);
