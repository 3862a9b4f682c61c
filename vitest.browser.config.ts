/**
 * Tests in a real browser: `npm run test:browser`. Those of pages come first, two files at a time; then those that measure
 * time, each alone.
 */

import { defineConfig } from "vitest/config";
import { ensureDashboard } from "./setup/dashboard.mjs";

await ensureDashboard();

/** They measure time, or run a whole search. */
const timed = ["test/browser/page.test.ts", "test/browser/search.test.ts"];

export default defineConfig({
  test: {
    environment: "node",
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Of what a page asks for every few seconds, on a machine with other work.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "pages",
          include: ["test/browser/**/*.test.ts"],
          exclude: timed,
          globalSetup: "test/browser/prepare.setup.ts",
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "timed", include: timed, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
