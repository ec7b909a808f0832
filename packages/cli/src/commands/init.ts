import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { makeFolder } from "isoloss/internal-node";
import { reasonOf } from "isoloss/node";
import { stringify } from "yaml";
import { configJsonSchema } from "../config/json-schema.js";
import { oneOf } from "../config/nearest.js";
import { lookAt } from "../experiments/definition/from-data/look.js";
import { experimentOn } from "../experiments/definition/from-data/template.js";
import { experimentSchema, identifier } from "../experiments/definition/schema.js";
import { moduleTemplate, moduleText, templates } from "../experiments/definition/templates.js";
import { choice, flag, texts, type Values, value } from "../option-rows.js";
import { requireNew } from "../output.js";
import { onlyLabel } from "../parse.js";
import { shellWord } from "../shell-word.js";
import { sweepSchema } from "../sweep/schema.js";
import { sweepTemplate } from "../sweep/template.js";

const options = {
  kind: value("<kind>", "kind of experiment, see isoloss list kinds; or sweep (default: minimize)"),
  data: value("<path>", "an experiment on data of your own: a file, or a folder of images"),
  label: value<string | undefined>(
    "<name>",
    "of --data: the column, array or file to predict; default a guess, which is said",
    onlyLabel,
    undefined,
  ),
  missingWord: texts(
    "<word>",
    "of a table: a word that marks a missing value, besides NA and the like; may be given several times",
  ),
  text: texts(
    "<column>",
    "of a table: a column of text, also where it holds numbers; may be given several times",
  ),
  header: choice(
    "<yes or no>",
    "of CSV: whether the first line names the columns; default a guess, which is said",
    ["yes", "no"],
  ),
  schema: flag("the JSON Schema of experiments or sweeps instead, for editors that check YAML"),
  force: flag("replace an existing file"),
};

type Settings = Values<typeof options>;

const help = `With --data it looks at a CSV (.csv, .tsv, .txt), Parquet, .npz or .npy file, or at a folder with a folder of images for each
class, guesses what is to be predicted, and writes an experiment that runs as it is, to NAME.yaml beside you if no file is
given. A column of text, or of at most 20 integers with five rows each on average, is taken for classes, another one of
numbers for a number to predict. Nothing is overwritten without --force.

--kind module writes a module beside the experiment, too: a loss of your own, or a network with its data. Its code runs.

With a schema beside it, an editor with a YAML language server completes and checks an experiment that begins with
  # yaml-language-server: $schema=experiment.schema.json

Examples:
  isoloss init my-experiment.yaml --kind train
  isoloss init --data houses.csv --label price
  isoloss init --schema experiment.schema.json
  isoloss init my-sweep.yaml --kind sweep`;

/** `isoloss init`: a commented experiment or sweep to start from, or the JSON Schema for editors. */
async function run(file: string | undefined, settings: Settings): Promise<undefined> {
  const { kind = "minimize", schema, force, data } = settings;
  if (data !== undefined) return initFrom(data, file, settings);
  const { label, missingWord, text, header } = settings;
  const about = Object.entries({ label, "missing-word": missingWord[0], text: text[0], header });
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

export const init = { options, help, run };

/** Name of the module of an experiment of kind module. */
const moduleBeside = (file: string): string => `${nameOf(file)}.mjs`;

/** A file's name without the ending of an experiment. */
const nameOf = (file: string): string => basename(file).replace(/\.ya?ml$/, "");

/** An experiment on data, and what was found in them and guessed. */
async function initFrom(
  data: string,
  given: string | undefined,
  { kind, schema, force, ...told }: Settings,
): Promise<undefined> {
  if (schema || (kind !== undefined && kind !== "train")) {
    throw new OptionError(
      `--data writes an experiment of kind train: leave ${schema ? "--schema" : "--kind"} out.`,
    );
  }
  const guess = await lookAt(data, told);
  // A folder may have any dots in its name.
  const stem = basename(resolve(data)).replace(/\.(csv|tsv|txt|parquet|npz|npy)$/i, "");
  const file = given ?? `${stem}.yaml`;
  const own = nameOf(file);
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
  const name = nameOf(file ?? "");
  return identifier.safeParse(name).success
    ? template.replace(/^name: .*$/m, `name: ${stringify(name).trim()}`)
    : template;
}
