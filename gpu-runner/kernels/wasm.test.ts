import { describePrimitives } from "./conformance.ts";

describePrimitives("wasm");
