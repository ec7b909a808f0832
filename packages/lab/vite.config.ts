import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { aliases } from "../../scripts/entries.js";

/** What a page needs before it may share memory with its threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Any folder of any static server.
  base: "./",
  plugins: [svelte()],
  resolve: {
    alias: { ...aliases, "#ort": fileURLToPath(new URL("src/worker/no-ort.ts", import.meta.url)) },
  },
  worker: { format: "es" },
  // Browsers that know light-dark(): what is put in its place for older ones does not follow the switch of the theme.
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { headers },
  preview: { headers },
});
