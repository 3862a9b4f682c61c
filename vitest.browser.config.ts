/**
 * Tests in a real browser: `npm run test:browser`. Those of pages come first, two files at a time; then those of
 * browsers as devices, which measure time, each alone.
 */

import { defineConfig } from "vitest/config";
import { ensureDashboard } from "./setup/dashboard.mjs";

await ensureDashboard();

/** The report is made from the same searches. */
const pages = ["test/browser/dashboard/**/*.test.ts", "test/browser/report.test.ts"];

export default defineConfig({
  test: {
    environment: "node",
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Pages ask for what is new every few seconds, and the machine may have other work.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "pages",
          include: pages,
          globalSetup: "test/browser/prepare.setup.ts",
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "device",
          include: ["test/browser/*.test.ts"],
          exclude: pages,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
