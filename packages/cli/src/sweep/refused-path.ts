// Paths of an experiment at which a value changes no run of a sweep.
import { pathWords } from "../dotted-path.js";
import { commonKeys } from "../experiments/definition/schema.js";

const oneVariant =
  "a sweep is of one variant: compare what the variants change, such as teleport: { values: [null, { when: .., search: .. }] }.";

/** Why a path is none of a trial's settings, with what to write; undefined where it may be one. */
export function refusalOfPath(path: string, variant: string | undefined): string | undefined {
  const [root, ...rest] = pathWords(path);
  switch (root) {
    case "seed":
    case "seeds":
      return "a trial runs on all seeds of the sweep: write its own key, seeds: [0, 1, 2], beside parameters.";
    case "variant":
      return oneVariant;
    case "variants": {
      const [name, ...setting] = rest;
      if (setting.length === 0) return oneVariant;
      const key = name === variant ? "" : `, and the sweep's own key variant: ${name}`;
      return `a sweep is of one variant, and its settings need no prefix: write ${setting.join(".")}${key}.`;
    }
    case "quick":
      return rest.length === 0
        ? "trials are no quick runs: leave it out, and write its settings themselves, such as steps."
        : `trials are no quick runs: write ${rest.join(".")}.`;
    case "kind":
      return "all trials are of the experiment's kind: leave it out.";
    default:
      return commonKeys.has(root)
        ? "is no setting of a run, so that it changes none: leave it out."
        : undefined;
  }
}
