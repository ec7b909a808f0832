import { basename } from "node:path";
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
 * Names what each screen may ask for once it is open, such as its worker, what saves figures, and the help: the page fetches it then,
 * and needs no network for that screen any more. Other screens, and the WebAssembly of ONNX Runtime, are fetched when they are asked for.
 */
const fetchedAhead: Plugin = {
  name: "isoloss-lab-ahead",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html, { bundle = {} }) => {
      const files = Object.values(bundle).filter(
        ({ fileName }) => /\.(js|css)$/.test(fileName) && !html.includes(fileName),
      );
      const textOf = (file: (typeof files)[number]) =>
        file.type === "chunk"
          ? `${file.code} ${[...(file.viteMetadata?.importedCss ?? [])].join(" ")}`
          : String(file.source);
      const moduleOf = (file: (typeof files)[number]) => (file.type === "chunk" && file.facadeModuleId) || "";
      const help = files.filter((file) => moduleOf(file).endsWith("/app/Help.svelte"));
      // Workers are built apart: what they load is known by its name alone.
      const reached = (start: (typeof files)[number]) => {
        const all = new Set([start, ...help]);
        for (const file of all) {
          const text = textOf(file);
          for (const other of files) if (text.includes(basename(other.fileName))) all.add(other);
        }
        return [...all].map(({ fileName }) => `./${fileName}`);
      };
      return files.flatMap((file) => {
        const [, screen] = /screens\/(\w+)\/Screen\.svelte$/.exec(moduleOf(file)) ?? [];
        return screen === undefined
          ? []
          : [
              {
                tag: "meta",
                attrs: { name: `ahead-${screen}`, content: reached(file).join(" ") },
                injectTo: "head" as const,
              },
            ];
      });
    },
  },
};

/** Leaves out what ml-matrix has beside decompositions: its statistics, functions of elements and printing in Node, two kilobytes of each worker. */
const decompositionsAlone = (): Plugin => ({
  name: "isoloss-lab-decompositions",
  apply: "build",
  transform: (code, id) =>
    /\/ml-matrix\/src\/(stat|inspect|mathOperations)\.js$/.test(id)
      ? [...code.matchAll(/^export function (\w+)/gm)]
          .map(([, name]) => `export const ${name} = () => {};`)
          .join("\n")
      : undefined,
});

/** Hints for bundlers are of no use in what is bundled. Licenses stay. */
const uncommented = { comments: { legal: true, annotation: false, jsdoc: false } };

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
    plugins: () => [decompositionsAlone()],
    rolldownOptions: {
      output: { ...uncommented, codeSplitting: { groups: [{ name: "worker", tags: ["$initial"] }] } },
    },
  },
  // Browsers that know light-dark(): what is put in its place for older ones does not follow the switch of the theme.
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What several files load is one: small files compress less. What starts a worker stays with the screens that fetch it ahead.
    rolldownOptions: {
      output: {
        ...uncommented,
        codeSplitting: { groups: [{ name: "page", minShareCount: 2, test: /^(?!.*save-figure)/ }] },
      },
    },
  },
  // Its script finds the WebAssembly beside itself.
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  server: { headers },
  preview: { headers },
});
