#!/usr/bin/env node
/** The `nasturtium` command: makes the machine ready, then hands over to the command line itself. */

import { launch } from "../setup/launch.mjs";

await launch(["cli/main.ts", ...process.argv.slice(2)]);
