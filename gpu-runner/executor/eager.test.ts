import { describeExecutor } from "./conformance.ts";
import { EagerExecutor } from "./eager.ts";

describeExecutor("eager", (backend, network, seed) => new EagerExecutor(backend, network, seed));
