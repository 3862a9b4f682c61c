/** The tests that take too long for every change: `npm run test:long`. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{shared,gpu-runner,cli,setup,test,bench}/**/*.long.test.ts"],
    exclude: ["node_modules/**", "runs/**"],
    environment: "node",
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
});
