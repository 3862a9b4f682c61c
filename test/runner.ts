/** A runner in a process of its own, to be killed: `runner.ts EDGE TOKEN SEARCH BACKEND CHECKPOINT_SECONDS`; an empty SEARCH is any. */
import type { BackendName } from "../gpu-runner/kernels/backend.ts";
import { runRunner } from "../gpu-runner/main.ts";

const [edge = "", token = "", searchId = "", backend = "tensorflow", checkpointSeconds = "60"] =
  process.argv.slice(2);

await runRunner({
  edge,
  token,
  searchId: searchId || undefined,
  name: `test ${process.pid}`,
  backend: backend as BackendName,
  checkpointSeconds: Number(checkpointSeconds),
  log: (line) => console.log(line),
});
