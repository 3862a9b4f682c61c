/**
 * Two test projects: `edge` runs inside workerd with real local bindings and migrated D1, `node` runs in Node
 * with native TensorFlow where it is ready.
 */

import { existsSync } from "node:fs";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { configDefaults, defineConfig } from "vitest/config";
import { ensureDashboard } from "./setup/dashboard.mjs";

const MIGRATIONS_DIR = "schema/migrations";
/** A training step of a small network takes seconds where two cores are shared. */
const TIMEOUT_MS = 120_000;
/** Each worker that loads TensorFlow uses every core it finds. */
const MAX_WORKERS = 2;

const exclude = [...configDefaults.exclude, "**/*.long.test.ts", "test/browser/**", "runs/**"];

// The Worker of the project `edge` does not start without it.
await ensureDashboard();

export default defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                NASTURTIUM_SECRET: "of the tests",
                // Counted only where a test sets a limit.
                NASTURTIUM_RATE_LIMIT: "0",
                NASTURTIUM_HISTORIES: process.env.NASTURTIUM_HISTORIES ?? "30",
                TEST_MIGRATIONS: existsSync(MIGRATIONS_DIR) ? await readD1Migrations(MIGRATIONS_DIR) : [],
              },
            },
          }),
        ],
        test: {
          name: "edge",
          include: ["edge/**/*.test.ts"],
          exclude,
          setupFiles: ["./edge/migrate.setup.ts", "./edge/queryPlans.setup.ts"],
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
        },
      },
      {
        test: {
          name: "node",
          environment: "node",
          pool: "forks",
          include: ["{shared,schema,device,dashboard,gpu-runner,cli,setup,test,bench}/**/*.test.ts"],
          exclude,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
        },
      },
    ],
  },
});
