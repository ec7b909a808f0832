// The site of the documents: `npm run docs`. scripts/site.mjs writes its pages to `site/pages`.
import { defineConfig } from "vitepress";

const page = (text, link) => ({ text, link });

export default defineConfig({
  title: "Isoloss",
  description: "Moves a model to the same function with better weights",
  srcDir: "../site/pages",
  outDir: "../site/html",
  cacheDir: "../site/cache",
  // Where the site lies on its host.
  base: process.env.SITE_BASE ?? "/",
  markdown: { languageAlias: { es6: "js" } },
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: [
      {
        text: "Your data and files",
        items: [
          page("What it does", "/"),
          page("From a table to an ONNX file", "/your-own-data"),
          page("ONNX files: quantize, prune, fine-tune", "/onnx-models"),
          page("Float16 without Clip", "/float16"),
          page("Your own model", "/your-own-model"),
          page("Training", "/training"),
          page("The command line", "/command-line"),
          page("Sweeps", "/sweeps"),
          page("In a browser", "/browser"),
          page("The lab", "/lab"),
        ],
      },
      {
        text: "Moves",
        items: [
          page("Does it help?", "/does-it-help"),
          page("Your first teleport", "/first-teleport"),
          page("Reading a report", "/reading-a-report"),
          page("Your own loss and symmetry", "/your-own-loss"),
          page("Several tasks and COST", "/several-tasks"),
          page("Theory", "/theory"),
        ],
      },
      {
        text: "Evidence",
        items: [
          page("Results", "/results"),
          page("Studies", "/studies/"),
          page("COST's benchmarks", "/benchmarks"),
          page("Their data", "/benchmarks-data"),
          page("Differences from the references", "/differences"),
          page("Gallery of figures", "/gallery"),
        ],
      },
      {
        text: "Reference",
        items: [
          page("Commands", "/reference/commands"),
          page("Names in experiments", "/reference/names"),
          page("JSON documents", "/reference/json-documents"),
          page("ONNX operators", "/reference/onnx-operators"),
          // TypeDoc writes it beside the pages.
          { text: "API", link: "/api/index.html", target: "_self" },
          page("Runtimes", "/runtimes"),
          page("Speed", "/speed"),
          page("Examples", "/examples/"),
        ],
      },
      {
        text: "The project",
        items: [
          page("Architecture", "/architecture"),
          page("Contributing", "/project/contributing"),
          page("Changes", "/project/changelog"),
          page("Releases", "/project/releasing"),
          page("Security", "/project/security"),
          page("Imports that moved", "/imports"),
        ],
      },
    ],
  },
});
