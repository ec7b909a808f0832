import { isOwnData, locatedData } from "../catalogue/own/data.js";
import { isOwnModel, locatedModel } from "../catalogue/own/model.js";
import { isOwnModule, locatedModule } from "../catalogue/own/problem.js";
import type { Settings } from "../kind.js";
import type { Experiment } from "./schema.js";

/**
 * An experiment whose own files are found from any folder: their paths are absolute, and it has their hashes.
 *
 * @param path of the experiment: paths in it are relative to that
 * @throws DataError when a file cannot be read, or is another one than the experiment says
 */
export async function withOwnFiles(experiment: Experiment, path: string): Promise<Experiment> {
  const located = async (settings: Settings): Promise<Settings> => {
    const { model, data, problem, loss } = settings;
    return {
      ...settings,
      ...(isObject(model) && isOwnModel(model) ? { model: await locatedModel(model, path) } : {}),
      ...(isObject(problem) && isOwnModule(problem) ? { problem: await locatedModule(problem, path) } : {}),
      ...(isObject(loss) && isOwnModule(loss) ? { loss: await locatedModule(loss, path) } : {}),
      ...(isObject(data) && isOwnData(data) ? { data: await locatedData(data, path) } : {}),
    };
  };
  const { variants = {}, quick } = experiment;
  const changed = await Promise.all(
    Object.entries(variants).map(
      async ([name, change]) => [name, change && (await located(change))] as const,
    ),
  );
  return {
    ...((await located(experiment as Settings)) as Experiment),
    ...(experiment.variants ? { variants: Object.fromEntries(changed) } : {}),
    ...(quick ? { quick: await located(quick) } : {}),
  };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
