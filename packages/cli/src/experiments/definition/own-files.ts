import { DataError } from "isoloss";
import { isOwnData, locatedData } from "../catalogue/own/data.js";
import { isOwnModel, locatedModel } from "../catalogue/own/model.js";
import { isOwnModule, locatedModule } from "../catalogue/own/problem.js";
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

/** Settings with the absolute paths and the hashes of own files, which are relative to a config's. */
export async function locatedSettings(settings: Settings, path: string): Promise<Settings> {
  const { model, data, problem, loss } = settings;
  // Tasks on columns of a table.
  const table = isObject(problem) && "data" in problem ? problem.data : undefined;
  return {
    ...settings,
    ...(isObject(model) && isOwnModel(model) ? { model: await locatedModel(model, path) } : {}),
    ...(isObject(problem) && isOwnModule(problem) ? { problem: await locatedModule(problem, path) } : {}),
    ...(isObject(table) && isOwnData(table)
      ? { problem: { ...(problem as object), data: await locatedData(table, path) } }
      : {}),
    ...(isObject(loss) && isOwnModule(loss) ? { loss: await locatedModule(loss, path) } : {}),
    ...(isObject(data) && isOwnData(data) ? { data: await locatedData(data, path) } : {}),
  };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
