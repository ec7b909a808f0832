import { isAbsolute } from "node:path";
import type { Finding } from "../config/explain.js";
import { pathWords } from "../dotted-path.js";
import { locatedSettings } from "../experiments/definition/own-files.js";
import type { Settings } from "../experiments/kind.js";
import type { Json } from "../run/json-lines.js";
import type { Assignment, Parameter, SweepFile } from "./types.js";

/**
 * A sweep whose own data, models and modules are found from any folder: their paths are absolute, and it has the hashes of
 * the files, so that runs of other contents have other ids.
 *
 * @param path of the sweep: paths in it are relative to that
 * @throws DataError when a file cannot be read, or is another one than the sweep says
 */
export async function withOwnFilesOfSweep(file: SweepFile, path: string): Promise<SweepFile> {
  const { set, parameters, confirm } = file;
  const located = async (assignment: Assignment) => (await locatedSettings(assignment, path)) as Assignment;
  const entries = Object.entries(parameters).map(async ([key, parameter]): Promise<[string, Parameter]> => {
    const one = async (value: Json) => (await located({ [key]: value }))[key];
    if ("value" in parameter) return [key, { ...parameter, value: await one(parameter.value) }];
    if ("values" in parameter)
      return [key, { ...parameter, values: await Promise.all(parameter.values.map(one)) }];
    return [key, parameter];
  });
  return {
    ...file,
    set: await located(set),
    parameters: Object.fromEntries(await Promise.all(entries)),
    confirm: confirm === false ? false : { ...confirm, baseline: await located(confirm.baseline) },
  };
}

/** Another file alone, beside the hash of the experiment's: such settings are given whole. */
export function faultsOfFiles({ set, parameters, confirm }: SweepFile, settings: Settings): Finding[] {
  const places = { set, parameters, ...(confirm === false ? {} : { "confirm.baseline": confirm.baseline }) };
  return Object.entries(places).flatMap(([place, assignment]) =>
    Object.keys(assignment).flatMap((path) => {
      const [root, key] = path.split(".");
      const own = settings[root] as Readonly<Record<string, unknown>> | undefined;
      const file = own?.sha256 === undefined || key === undefined ? undefined : own[key];
      const message = `names a file of your own, of which the hash is kept: give ${root} as a whole, { ${key}: FILE, ... }`;
      return typeof file === "string" && isAbsolute(file)
        ? [{ path: [...pathWords(place), path], message }]
        : [];
    }),
  );
}
