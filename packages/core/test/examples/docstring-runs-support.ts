// Runs every example of the library's docstrings, and holds what it says of numbers against them.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as library from "isoloss-test-support/library";
import { sampledRows } from "isoloss-test-support/random-cases";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Piece } from "./diagnose.js";
import { type Scope, scopes, traced } from "./docstring-scopes.js";
import { modules } from "./docstrings.js";
import { declaredIn, objection, printedIn, withStatements } from "./stated-values.js";

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
const JavaScript = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } as const;
const toJavaScript = (code: string) => ts.transpileModule(code, { compilerOptions: JavaScript }).outputText;

/** The entry of a table for an example: for its line, its file, or the nearest folder of it. */
function entryOf<T>(table: Readonly<Record<string, T>>, at: string): T | undefined {
  const [path] = at.split(":");
  const parts = path.split("/");
  const keys = [at, ...parts.map((_, i) => parts.slice(0, parts.length - i).join("/"))];
  const found = keys.find((key) => Object.hasOwn(table, key));
  return found === undefined ? undefined : table[found];
}

/** Runs an example with the names of a scope; what it prints. */
type Run = (scope: Scope) => unknown;

function runOf(code: string, names: readonly string[], Constructor = AsyncFunction): Run {
  const declared = declaredIn(code);
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  const used = names.filter((name) => words.has(name) && !declared.has(name));
  const run = new Constructor(...used, toJavaScript(code));
  return (scope) => run(...used.map((name) => scope[name]));
}

async function runExample({ at, code }: Piece, own: Scope): Promise<{ lines: string[]; wrong: string[] }> {
  const lines: string[] = [];
  const wrong: string[] = [];
  const $stated = async (value: unknown, comment: string, isDeclared: boolean) => {
    const why = objection(await value, comment, isDeclared);
    if (why !== undefined) wrong.push(why);
    return value;
  };
  const console = { log: (...values: unknown[]) => lines.push(...values.map(String).join(" ").split("\n")) };
  const common = { ...library, ...own, $stated, console };
  const inTrace = entryOf(traced, at)?.();
  if (inTrace) {
    // The tensors of the example, in the place of their types.
    const { tensors, ...given } = inTrace;
    library.trace(
      (traced: Scope) => {
        const scope = { ...common, ...given, ...traced };
        runOf(code, Object.keys(scope), Function)(scope);
        return library.constant(0);
      },
      [tensors],
    );
    return { lines, wrong };
  }
  const scope = { ...common, ...(await entryOf(scopes, at)?.()) };
  await runOf(withStatements(code), Object.keys(scope))(scope);
  return { lines, wrong };
}

export const examples = modules.flatMap(({ path, url, examples: list }) =>
  list.map((piece) => [piece.at, path, piece, url] as const),
);

/** Files whose examples train or search for seconds. */
const slow = new Set([
  "isoloss-benchmarks/networks/attention-segnet.ts",
  "isoloss-benchmarks/node/benchmarks.ts",
  "isoloss-benchmarks/node/celeba.ts",
  "isoloss-benchmarks/node/dense.ts",
  "isoloss-benchmarks/node/office.ts",
  "isoloss-benchmarks/problems/dense-tasks.ts",
  "isoloss-benchmarks/problems/own-image-tasks.ts",
  "isoloss-onnx/quantize/quantize-model.ts",
  "moves/rotate/rotated.ts",
  "mtl/train/trainer.ts",
  "nn/models/multi-resnet18.ts",
  "nn/models/resnet18.ts",
  "node/checkpoints.ts",
  "problems/toy.ts",
  "teleport/curvature/minima.ts",
  "teleport/objective/model-decrease.ts",
  "teleport/objective/objective.ts",
  "teleport/search/level-set/level-set.ts",
  "train/minima-study.ts",
  "train/trainer.ts",
]);

export const isSlow = (path: string): boolean => slow.has(path);

/** Runs examples in a folder of their own. */
export function expectRuns(rows: typeof examples): void {
  const before = process.cwd();
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "isoloss-docstrings-"));
    process.chdir(folder);
    mkdirSync("run");
  });

  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it.each(sampledRows(rows))("%s runs, and gives what it says", async (_, _path, piece, url) => {
    const own = (await import(url.href)) as Scope;
    const { lines, wrong } = await runExample(piece, own);
    expect(wrong).toEqual([]);
    const printed = printedIn(piece.code);
    if (printed !== undefined && lines.length > 0) expect(lines.join(" ")).toBe(printed);
  });
}
