import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { OptionError } from "isoloss";
import { readFileOrThrow } from "isoloss/node";
import { parse } from "yaml";
import { loadConfig } from "../../config/load.js";
import { nearest, similar } from "../../config/nearest.js";
import { withOwnFiles } from "./own-files.js";
import { fromProgram } from "./program.js";
import { type Experiment, experimentSchema } from "./schema.js";

/** The folder of the experiments that come with the program: beside the package's files, or the checkout's. */
function packagedFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const candidate = join(at, "experiments");
    if (existsSync(join(candidate, "booth.yaml"))) return candidate;
    if (at === dirname(at)) {
      throw new OptionError(
        "The experiments that come with isoloss are not there: install isoloss-cli again.",
      );
    }
  }
}

/** The experiments of the demo, in the order in which it shows them. */
export const demoNames = ["finetune", "prune", "rosenbrock", "booth", "regression", "digits", "toy"] as const;

/** Names of the experiments that come with the program, in alphabetical order. */
export function packagedNames(): string[] {
  return readdirSync(packagedFolder())
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

export const benchmarkNames = ["celeba", "cityscapes", "nyuv2", "office-31", "office-home", "qm9"].map(
  (name) => `benchmarks/${name}`,
);

export const experimentNames = (): string[] => [
  ...packagedNames(),
  ...demoNames.map((name) => `demo/${name}`),
  ...benchmarkNames,
];

/**
 * The path of an experiment, given as a file or by the name of one that comes with the program.
 *
 * @throws OptionError when it is neither
 */
export function findExperiment(fileOrName: string): string {
  const isFile = statSync(fileOrName, { throwIfNoEntry: false })?.isFile() ?? false;
  if (isFile) return fileOrName;
  const names = experimentNames();
  if (names.includes(fileOrName)) return join(packagedFolder(), `${fileOrName}.yaml`);
  const file = [".yaml", ".yml"].map((end) => `${fileOrName}${end}`).find((path) => existsSync(path));
  const inFolder = names.find((name) => name.endsWith(`/${fileOrName}`));
  const meant = file ?? inFolder ?? nearest(fileOrName, names);
  const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  const others = similar(basename(fileOrName).replace(/\.ya?ml$/, ""), names, 4).filter(
    (name) => name !== meant,
  );
  const also = others.length === 0 ? "" : ` Similar names: ${others.join(", ")}.`;
  throw new OptionError(
    `There is no file ${fileOrName}, and no experiment of that name.${hint}${also} isoloss list experiments prints those that come with isoloss.`,
  );
}

export const isPackaged = (fileOrName: string): boolean =>
  resolve(findExperiment(fileOrName)).startsWith(packagedFolder() + sep);

/** The title of an experiment that comes with the program; the rest of its file is not read. */
export async function titleOf(name: string): Promise<string> {
  const text = Buffer.from(await readFileOrThrow(findExperiment(name), { what: "config" })).toString("utf8");
  const [lines = ""] = /^title:.*(\n .*)*/m.exec(text) ?? [];
  return parse(lines)?.title ?? name;
}

const isSweep = (data: unknown): boolean =>
  typeof data === "object" && data !== null && "parameters" in data && !("kind" in data);

/**
 * An experiment, read and checked.
 *
 * @param options `variants`: names of those whose own files are needed; default all
 * @throws ConfigError, OptionError, DataError
 */
export async function loadExperiment(
  fileOrName: string,
  set: readonly string[] = [],
  { variants }: { readonly variants?: readonly string[] } = {},
): Promise<Experiment> {
  const path = findExperiment(fileOrName);
  const translate = (data: unknown) => {
    if (isSweep(data)) throw new OptionError(`${path} is a sweep: isoloss sweep runs it.`);
    return data;
  };
  const experiment = await loadConfig(path, { schema: experimentSchema, set, translate });
  return withOwnFiles(await fromProgram(experiment, path), path, variants);
}
