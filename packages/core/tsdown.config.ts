import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "tsdown";
import { coreEntries, isInternal, sources } from "../../scripts/entries.js";
import { optionComments } from "../../scripts/option-comments.js";

const entry = {
  ...Object.fromEntries(
    [...coreEntries, ...Object.keys(sources).filter(isInternal)].map((name) => [
      name.split("/")[1] ?? "index",
      sources[name],
    ]),
  ),
  "ort-node": "src/runtime/onnx/ort-node.ts",
};
/** Their sources are a part of the package: Node.js takes longer to read their one file than all of ours. */
const bundled = ["ml-matrix", "is-any-array", "ml-array-max", "ml-array-min", "ml-array-rescale"];
const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));

const common: UserConfig = {
  format: "esm",
  platform: "neutral",
  target: "es2022",
  tsconfig: "tsconfig.node.json",
  plugins: [optionComments],
  alias: { "ml-matrix": `${folderOf("ml-matrix")}/src/index.js` },
  deps: {
    // `#ort` is resolved where the package is used: the imports map picks the Node or the browser build. In Node.js it is that of
    // dist/node for dist/index.js, too, which only a path imports there: such a program holds both builds.
    neverBundle: ["#ort", /^node:/, /^onnxruntime-/],
    alwaysBundle: bundled,
    onlyBundle: bundled,
  },
};

export default defineConfig([
  // Small files, of which a page bundles those that it uses.
  {
    ...common,
    entry: { ...entry, "ort-web": "src/runtime/onnx/ort-web.ts" },
    dts: true,
    copy: bundled.map((name) => ({ from: `${folderOf(name)}/LICENSE`, rename: `LICENSE-${name}` })),
  },
  // For Node.js, where each file takes time: one file of all that `isoloss` imports.
  {
    ...common,
    entry,
    outDir: "dist/node",
    dts: false,
    outputOptions: {
      codeSplitting: { groups: [{ name: "main", test: /[\\/]entries[\\/]index\.ts$/ }] },
    },
  },
]);
