// The kind module: one module has the loss, the model or the data, and settings; it runs as kind minimize or train.
import { OptionError } from "isoloss";
import { z } from "zod";
import { checkConfig } from "../../config/load.js";
import { absoluteModule, placeInModule } from "../catalogue/own/file.js";
import { ownExport } from "../catalogue/own/problem.js";
import type { Settings } from "../kind.js";
import { withoutLength } from "./resolve.js";
import { type Experiment, experimentSchema, programSettings } from "./schema.js";

/** Keys of the program itself, by its form; all others are settings. */
const forms = {
  minimize: ["loss", "start", "batch", "symmetry"],
  train: ["model", "data", "validation", "test", "loss", "images"],
} as const;

/**
 * An experiment of kind module as one of kind minimize or train, which names the module as its problem, or as its model, data
 * and loss. The module's own settings stand below those of the file.
 *
 * @param path of the experiment: paths in it are relative to that
 * @throws OptionError, DataError, ConfigError, which say what the module should export
 */
export async function fromProgram(experiment: Experiment, path: string): Promise<Experiment> {
  if (experiment.kind !== "module") return experiment;
  const {
    kind: _,
    module: given,
    sha256,
    ...rest
  } = experiment as Experiment & {
    readonly module: string;
    readonly sha256?: string;
  };
  const own = { module: absoluteModule(given, path), ...(sha256 === undefined ? {} : { sha256 }) };
  const { file, name } = placeInModule(own.module);
  const program = programOf(await ownExport(own), `${file}: the export ${name}`);
  const form = "model" in program ? "train" : "minimize";
  const settings = Object.fromEntries(
    Object.entries(program).filter(([key]) => !(forms[form] as readonly string[]).includes(key)),
  );
  checkConfig(settings, { schema: z.strictObject(programSettings), file });
  const parts: Settings =
    form === "minimize"
      ? { problem: own }
      : {
          model: { ...own, ...(program.images === undefined ? {} : { images: program.images }) },
          data: own,
          ...(program.loss === undefined ? {} : { loss: own }),
        };
  const whole = { kind: form, ...parts, ...withoutLength(settings, rest), ...rest };
  return checkConfig(whole, { schema: experimentSchema, file: path });
}

/** @throws OptionError unless it is of one of the two forms */
function programOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  const expected =
    "{ loss, start, batch }, a loss on fixed data and where it begins, or { model, data }, a network and { inputs, labels }";
  if (typeof value !== "object" || value === null) {
    throw new OptionError(
      `${what} must be ${expected}; got ${value === null ? "null" : `a ${typeof value}`}.`,
    );
  }
  const program = value as Readonly<Record<string, unknown>>;
  const isWhole =
    "model" in program ? "data" in program && !("start" in program) : "loss" in program && "start" in program;
  if (isWhole) return program;
  throw new OptionError(`${what} must be ${expected}; got { ${Object.keys(program).join(", ")} }.`);
}

/** What `isoloss list kinds` says of it. */
export const programSummary =
  "a module of your own: a loss on fixed data, or a network with its data; its code runs";
