// The entry points of the packages, from the paths of tsconfig.base.json.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const base = new URL("../tsconfig.base.json", import.meta.url);
const { paths } = JSON.parse(readFileSync(base, "utf8")).compilerOptions;

/** Sources by the names that they are imported by: `isoloss/ops`, and `#ort` for Node. */
export const sources = Object.fromEntries(
  Object.entries(paths).map(([name, [path]]) => [name, fileURLToPath(new URL(path, base))]),
);

/** What the packages of this repository share, and nobody else imports. */
export const isInternal = (name) => name.startsWith("isoloss/internal");

/** The entry points of the packages with the library, which users import. */
export const entries = Object.keys(sources).filter(
  (name) => /^isoloss(-onnx|-benchmarks)?(\/|$)/.test(name) && !isInternal(name),
);

/** Those of `isoloss` itself. */
export const coreEntries = entries.filter((name) => name.split("/")[0] === "isoloss");

/** {@link sources} for bundlers, which take a name for the beginning of longer ones. */
export const aliases = Object.fromEntries(Object.entries(sources).sort(([a], [b]) => b.length - a.length));
