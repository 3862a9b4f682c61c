/** Tests in a real browser: `npm run test:browser`. */

import { defineConfig } from "vitest/config";
import { ensureDashboard } from "./setup/dashboard.mjs";

await ensureDashboard();

export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    // Times are measured in them.
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
