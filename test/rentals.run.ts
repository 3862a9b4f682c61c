/**
 * Everything that money depends on: all providers' adapters against their fakes, 2,000 random histories, and a whole
 * search on rented machines with real runners.
 *
 *     npm run test:rentals [-- --histories N]
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { parseArgs } from "node:util";
import { rootDir } from "../setup/node.mjs";

const { values: args } = parseArgs({ options: { histories: { type: "string", default: "2000" } } });

const parts = [
  { files: ["test/providers.test.ts"], more: ["--project", "node"] },
  { files: ["edge/rentals", "edge/providers"], more: ["--project", "edge"] },
  { files: ["test/rentals"], more: ["--config", "vitest.long.config.ts"] },
];
const vitest = path.join(rootDir, "node_modules", "vitest", "vitest.mjs");
const env = { ...process.env, NASTURTIUM_HISTORIES: args.histories };

for (const { files, more } of parts) {
  const child = spawn(process.execPath, [vitest, "run", ...more, ...files], {
    cwd: rootDir,
    stdio: "inherit",
    env,
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) process.exit(code ?? 1);
}
