/** Imported before any schema: zod compiles its checks by `eval` otherwise, which the content security policy forbids. */

import { config } from "zod";

config({ jitless: true });
