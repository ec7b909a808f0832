import { requireKnown } from "../options.js";
import type { InitOptions } from "./model.js";

/** Checks the options of a model's `init`. */
export function resolveInit(model: string, options: InitOptions): InitOptions {
  requireKnown(`${model}'s init`, options, ["dtype"], 'model.init(rng, { dtype: "float64" })');
  return options;
}
