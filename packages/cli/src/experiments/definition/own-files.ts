import { DataError } from "isoloss";
import { isOwnData, ownDataFiles } from "../catalogue/own/data.js";
import { located, type NamedFiles } from "../catalogue/own/file.js";
import { isOwnModel, modelFile } from "../catalogue/own/model.js";
import { isOwnModule, moduleFile } from "../catalogue/own/problem.js";
import type { Settings } from "../kind.js";
import type { Experiment } from "./schema.js";

/**
 * An experiment whose own files are found from any folder: their paths are absolute, and it has their hashes.
 *
 * @param path of the experiment: paths in it are relative to that
 * @param wanted names of the variants that are needed; default all
 * @throws DataError when a file cannot be read, or is another one than the experiment says
 */
export async function withOwnFiles(
  experiment: Experiment,
  path: string,
  wanted?: readonly string[],
): Promise<Experiment> {
  const { variants = {}, quick } = experiment;
  const changed = await Promise.all(
    Object.entries(variants).map(async ([name, change]) => {
      const isNeeded = change && (wanted?.includes(name) ?? true);
      return [name, isNeeded ? await ofVariant(name, locatedSettings(change, path)) : change] as const;
    }),
  );
  return {
    ...((await locatedSettings(experiment as Settings, path)) as Experiment),
    ...(experiment.variants ? { variants: Object.fromEntries(changed) } : {}),
    ...(quick ? { quick: await locatedSettings(quick, path) } : {}),
  };
}

/** @throws DataError that names the variant */
async function ofVariant<T>(name: string, located: Promise<T>): Promise<T> {
  try {
    return await located;
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`variants.${name}: ${cause.message}`, { cause });
  }
}

const ofModule = (value: object) => (isOwnModule(value) ? moduleFile : undefined);

/** The files that settings name; undefined where they are no files of the user's own. */
const filesOf: Readonly<Record<string, (value: object) => NamedFiles | undefined>> = {
  model: (value) => (isOwnModel(value) ? modelFile(value) : undefined),
  problem: ofModule,
  loss: ofModule,
  data: (value) => (isOwnData(value) ? ownDataFiles(value) : undefined),
};

/** Settings with the absolute paths and the hashes of own files, which are relative to a config's. */
export async function locatedSettings(settings: Settings, path: string): Promise<Settings> {
  const changed: Record<string, unknown> = { ...settings };
  for (const [key, files] of Object.entries(filesOf)) {
    const value = settings[key];
    if (!isObject(value)) continue;
    const own = files(value);
    if (own) changed[key] = await located(value, path, own);
    // Tasks on columns of a table.
    else if (key === "problem") changed[key] = await locatedSettings(value, path);
  }
  return changed;
}

const isObject = (value: unknown): value is Settings => typeof value === "object" && value !== null;
