import { isDeepStrictEqual } from "node:util";
import type { Settings } from "../kind.js";
import type { Resolved } from "./resolve.js";

/** An experiment as it was run, in the form of a file: quick settings are then those of the file. */
export function asExperiment(resolved: Resolved): object {
  const { name, title, kind, variants, seeds, rates, controls, experiment } = resolved;
  const base = commonOf(variants.map(({ settings }) => settings));
  return {
    name,
    title,
    kind,
    ...base,
    seeds,
    variants: Object.fromEntries(variants.map((v) => [v.name, changes(base, v.settings)])),
    ...(rates.length > 0 ? { rates: rates.length === 1 ? rates[0] : rates } : {}),
    ...(Object.keys(controls).length > 0 ? { controls } : {}),
    ...(experiment.figures === undefined ? {} : { figures: experiment.figures }),
  };
}

/** Of what all variants set, the first one's values. */
const commonOf = ([first, ...others]: readonly Settings[]): Settings =>
  Object.fromEntries(Object.entries(first).filter(([key]) => others.every((settings) => key in settings)));

const changes = (base: Settings, settings: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => !(key in base && isDeepStrictEqual(value, base[key]))),
  );
