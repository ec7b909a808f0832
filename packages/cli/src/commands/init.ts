import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { makeFolder } from "isoloss/internal-node";
import { reasonOf } from "isoloss/node";
import { stringify } from "yaml";
import { configJsonSchema } from "../config/json-schema.js";
import { oneOf } from "../config/nearest.js";
import { lookAt } from "../experiments/definition/from-data/look.js";
import type { Told } from "../experiments/definition/from-data/table.js";
import { experimentOn } from "../experiments/definition/from-data/template.js";
import { moduleTemplate, moduleText } from "../experiments/definition/module-template.js";
import { experimentSchema, identifier } from "../experiments/definition/schema.js";
import { templates } from "../experiments/definition/templates.js";
import { requireNew } from "../output.js";
import { shellWord } from "../shell-word.js";
import { sweepSchema } from "../sweep/schema.js";
import { sweepTemplate } from "../sweep/template.js";

export interface InitOptions extends Told {
  /** Left out: minimize. */
  readonly kind?: string;
  /** A file or a folder that the experiment is to be about. */
  readonly data?: string;
  readonly schema: boolean;
  readonly force: boolean;
}

/** `isoloss init`: a commented experiment or sweep to start from, or the JSON Schema for editors. */
export async function init(file: string | undefined, options: InitOptions): Promise<void> {
  const { kind = "minimize", schema, force, data } = options;
  if (data !== undefined) return initFrom(data, file, options);
  const { label, missingWord, text } = options;
  const about = Object.entries({ label, "missing-word": missingWord[0], text: text[0] });
  const [needless] = about.find(([, value]) => value !== undefined) ?? [];
  if (needless) throw new OptionError(`--${needless} is about data: give --data, too.`);
  const kinds = { ...templates, module: moduleTemplate, sweep: sweepTemplate };
  if (!Object.hasOwn(kinds, kind)) {
    throw new OptionError(`The kind must be ${oneOf(kind, Object.keys(kinds))}`);
  }
  const template = kinds[kind as keyof typeof kinds];
  const isSweep = kind === "sweep";
  const title = `Isoloss ${isSweep ? "sweep" : "experiment"}`;
  const content = schema
    ? `${JSON.stringify(configJsonSchema(isSweep ? sweepSchema : experimentSchema, { title }), undefined, 2)}\n`
    : named(template, file).replace(/\bMODULE$/m, () => stringify(moduleBeside(file ?? "mine.yaml")).trim());
  if (file === undefined) {
    process.stdout.write(content);
    return;
  }
  await write(file, content, force);
  // A module that is there is the user's: it stays, also with --force.
  const module = join(dirname(file), moduleBeside(file));
  const isNew = kind === "module" && !schema && !existsSync(module);
  if (isNew) await write(module, moduleText, false);
  const how = `: run it with\n  isoloss ${isSweep ? "sweep" : "run"} ${shellWord(file)}`;
  process.stdout.write(`${file}${isNew ? ` and ${module}` : ""}${schema ? "" : how}\n`);
}

/** Name of the module of an experiment of kind module. */
const moduleBeside = (file: string): string => `${basename(file).replace(/\.ya?ml$/, "")}.mjs`;

/** An experiment on data, and what was found in them and guessed. */
async function initFrom(
  data: string,
  given: string | undefined,
  { kind, schema, force, ...told }: InitOptions,
): Promise<void> {
  if (schema || (kind !== undefined && kind !== "train")) {
    throw new OptionError(
      `--data writes an experiment of kind train: leave ${schema ? "--schema" : "--kind"} out.`,
    );
  }
  const guess = await lookAt(data, told);
  const stem = basename(resolve(data), extname(data));
  const file = given ?? `${stem}.yaml`;
  const own = basename(file).replace(/\.ya?ml$/, "");
  const name = identifier.safeParse(own).success ? own : "my-experiment";
  await write(file, experimentOn(guess, { name, file }), force);
  const found = guess.found.map((line) => `  ${line}\n`).join("");
  process.stdout.write(
    `${data}\n${found}${file}: look through it, and run it with\n  isoloss run ${shellWord(file)}\n`,
  );
}

/** @throws DataError when it cannot be written, or is there and is not to be replaced */
async function write(file: string, content: string, force: boolean): Promise<void> {
  requireNew(file, { force });
  try {
    await makeFolder(dirname(resolve(file)));
    await writeFile(file, content);
  } catch (cause) {
    throw new DataError(`Cannot write ${file}: ${reasonOf(cause)}.`, { cause });
  }
}

/** A template whose experiment has the file's name, where that is a valid one. */
function named(template: string, file: string | undefined): string {
  const name = basename(file ?? "").replace(/\.ya?ml$/, "");
  return identifier.safeParse(name).success
    ? template.replace(/^name: .*$/m, `name: ${stringify(name).trim()}`)
    : template;
}
