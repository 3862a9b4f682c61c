/** Where `npm run migrations` finds the tables and writes the SQL that `wrangler d1 migrations apply` runs. */

import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  casing: "snake_case",
  schema: "./schema/*.ts",
  out: "./schema/migrations",
});
