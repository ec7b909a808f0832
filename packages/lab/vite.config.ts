import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { aliases } from "../../scripts/entries.js";

/** What a page needs before it may share memory with its threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * Names what no page has asked for yet, for browsers to fetch when they have nothing else to do: the other screens, what saves
 * figures. A page that was opened once then needs no network; the WebAssembly of ONNX Runtime is too large for that.
 */
const fetchedAhead: Plugin = {
  name: "isoloss-lab-ahead",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html, { bundle = {} }) =>
      Object.keys(bundle)
        .filter((name) => /\.(js|css)$/.test(name) && !html.includes(name))
        .map((name) => ({
          tag: "link",
          attrs: { rel: "prefetch", href: `./${name}` },
          injectTo: "head" as const,
        })),
  },
};

export default defineConfig({
  root: fileURLToPath(new URL("./", import.meta.url)),
  // Any folder of any static server.
  base: "./",
  plugins: [svelte(), fetchedAhead],
  resolve: {
    alias: {
      ...aliases,
      "#ort": fileURLToPath(new URL("src/worker/no-ort.ts", import.meta.url)),
      // Its modules, of which a worker takes what it uses; its entry is one file for all.
      "ml-matrix": fileURLToPath(new URL("./src/index.js", import.meta.resolve("ml-matrix"))),
    },
  },
  // What a worker begins with is one file, whatever its parts that are loaded later share with it: small files compress less.
  worker: {
    format: "es",
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "worker", tags: ["$initial"] }] } } },
  },
  // Browsers that know light-dark(): what is put in its place for older ones does not follow the switch of the theme.
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Its script finds the WebAssembly beside itself.
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  server: { headers },
  preview: { headers },
});
