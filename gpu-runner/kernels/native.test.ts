import { describePrimitives } from "./conformance.ts";

describePrimitives("tensorflow");
