/** Builds the pages that the Worker serves as static files. */

import path from "node:path";
import { defineConfig } from "vite";

const root = import.meta.dirname;

export default defineConfig({
  root,
  // Read by the start of our own commands, which say what matters themselves.
  logLevel: "warn",
  build: {
    outDir: path.join(root, "..", "dist", "dashboard"),
    emptyOutDir: true,
    target: ["chrome107", "firefox115", "safari16.4"],
    // The content security policy allows no `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // tfjs and the charts are that large, and loaded after the first paint.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: { dashboard: path.join(root, "index.html"), device: path.join(root, "device.html") },
    },
  },
});
