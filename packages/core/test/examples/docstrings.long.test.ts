import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { entries, sources } from "../../../../scripts/entries.js";
import { diagnose, type Piece } from "./diagnose.js";
import { modules, type SourceModule } from "./docstrings.js";

/** Folders whose examples are also type-checked. */
const folders = ["symmetry", "teleport", "problems", "train", "mtl"];

/** Names that examples use without saying where they are from: a user's own functions, data and results so far. */
const free = [
  ...["loss", "objective", "model", "net", "trunk", "params", "start", "data", "train", "test", "training"],
  ...["validation", "batch", "x", "y", "left", "right", "w", "g", "p", "T", "sigma", "gradients", "rate"],
  ...["optimizer", "state", "before", "moved", "symmetry", "hessian", "trainer", "bytes", "setup", "losses"],
];

/** What users import, by the entry points, that of all areas first. */
const library = entries.map((entry) => {
  return [entry, modules.find(({ url }) => fileURLToPath(url) === sources[entry])?.names ?? []] as const;
});

/** An example as a module: what it names of its own file and of the library is imported, its own names are local. */
function pieceOf({ at, code }: Piece, { url, names }: SourceModule): Piece {
  const written = code.match(/^import .*$/gm) ?? [];
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  const taken = new Set(written.join().match(/\w+/g));
  /** Those of some names that the example uses and that nothing before has. */
  const pick = (some: Iterable<string>) => {
    const picked = [...new Set(some)].filter((name) => words.has(name) && !taken.has(name));
    for (const name of picked) taken.add(name);
    return picked.join(", ");
  };
  return {
    at,
    code: [
      ...written,
      `import { ${pick(names)} } from "${fileURLToPath(url).replace(/\.ts$/, ".js")}";`,
      ...library.map(([entry, exported]) => `import { ${pick(exported)} } from "${entry}";`),
      ...free.filter((name) => !taken.has(name)).map((name) => `declare const ${name}: any;`),
      "type Params = any;",
      "async function example() {",
      code.replaceAll(/^import .*$/gm, ""),
      "}",
    ].join("\n"),
  };
}

it("the examples in docstrings have no type errors in a strict project", () => {
  const pieces = modules
    .filter(({ path }) => folders.includes(path.split("/")[0]))
    .flatMap((module) => module.examples.map((example) => pieceOf(example, module)));
  expect(pieces.length).toBeGreaterThan(60);
  // The imports are this test's own, types among them.
  expect(diagnose(pieces, { verbatimModuleSyntax: false })).toEqual([]);
});
