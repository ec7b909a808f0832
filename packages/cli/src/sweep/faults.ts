import type { Finding } from "../config/explain.js";
import { oneOf } from "../config/nearest.js";
import { type Path, pathWords } from "../dotted-path.js";
import { commonKeys } from "../experiments/definition/schema.js";
import type { Json } from "../run/json-lines.js";
import { axisOf, holds } from "./axis.js";
import { isInSeconds } from "./metric.js";
import { mostDimensions } from "./samplers/sobol.js";
import type { SweepFile } from "./schema.js";
import { meets } from "./space.js";
import type { Parameter } from "./types.js";

/** What keys of a sweep's file say that does not go together; single keys are checked by the schema. */
export function faultsOfSweep(file: SweepFile): Finding[] {
  return [
    ...faultsOfMetric(file),
    ...faultsOfMethod(file),
    ...faultsOfPaths(file),
    ...Object.entries(file.parameters).flatMap(([path, parameter]) => [
      ...(file.method === "grid" ? faultsInGrid(path, parameter) : []),
      ...faultsOfConditions(path, file.parameters),
    ]),
    ...faultsOfConfirm(file),
  ];
}

function faultsOfMetric({ metric: { name } }: SweepFile): Finding[] {
  if (!isInSeconds(name)) return [];
  return [
    {
      path: ["metric", "name"],
      message: `${name} depends on what else the machine did: rank trials by steps or a loss. confirm.metric may be in seconds.`,
    },
  ];
}

function faultsOfMethod({ method, order, budget, parameters }: SweepFile): Finding[] {
  const varying = Object.values(parameters).filter((parameter) => !("value" in parameter)).length;
  const faults: Finding[] = [];
  if (method !== "grid" && budget.trials === undefined) {
    faults.push({
      path: ["budget", "trials"],
      message: "missing; expected an integer >= 1: only a grid has an end of its own.",
    });
  }
  if (method !== "grid" && order !== "shuffled") {
    faults.push({ path: ["order"], message: "only a grid has an order." });
  }
  if (varying === 0) {
    faults.push({ path: ["parameters"], message: "expected a parameter that varies; all are constant." });
  }
  if (method === "sobol" && varying > mostDimensions) {
    faults.push({
      path: ["parameters"],
      message: `expected at most ${mostDimensions} parameters that vary for sobol; got ${varying}. Use method: random.`,
    });
  }
  return faults;
}

/** Of all places that have values by paths: those of the parameters, of `set`, and of the baseline. */
function faultsOfPaths({ parameters, set, confirm, variant }: SweepFile): Finding[] {
  const baseline = confirm === false ? {} : confirm.baseline;
  const paths = [
    ...Object.keys(set).map((path) => ["set", path]),
    ...Object.keys(parameters).map((path) => ["parameters", path]),
    ...Object.keys(baseline).map((path) => ["confirm", "baseline", path]),
  ];
  return paths.flatMap((at): Finding[] => {
    const path = at[at.length - 1];
    const message = pathWords(path).some((word) => word.trim() === "")
      ? "expected a path of the experiment, such as optimizer.name."
      : refusalOfPath(path, variant);
    if (message !== undefined) return [{ path: at, message }];
    return at[0] === "set" && Object.hasOwn(parameters, path)
      ? [{ path: at, message: "is one of the parameters, too: leave out one of them." }]
      : [];
  });
}

function faultsInGrid(path: string, parameter: Parameter): Finding[] {
  if ("distribution" in parameter) {
    return [
      {
        path: ["parameters", path, "distribution"],
        message: "a grid needs a list: values, or min and max with a step or a count.",
      },
    ];
  }
  if ("probabilities" in parameter) {
    return [
      { path: ["parameters", path, "probabilities"], message: "a grid has every value, so it takes none." },
    ];
  }
  return !("min" in parameter) || axisOf(parameter).bins !== undefined
    ? []
    : [
        {
          path: ["parameters", path],
          message: "a grid needs values: add a step, or a count such as count: 5.",
        },
      ];
}

function faultsOfConditions(path: string, parameters: Readonly<Record<string, Parameter>>): Finding[] {
  const { when = {} } = parameters[path];
  return Object.entries(when).flatMap(([other, wanted]): Finding[] => {
    const at = ["parameters", path, "when", other];
    if (!Object.hasOwn(parameters, other)) {
      const others = Object.keys(parameters).filter((name) => name !== path);
      return [{ path: at, message: `expected a parameter, ${oneOf(other, others)}` }];
    }
    if (reaches(other, path, parameters)) {
      return [{ path: at, message: `depends on ${path} itself: conditions go around in a circle.` }];
    }
    return faultsOfWanted(at, other, parameters, wanted);
  });
}

/** Where a parameter never has a value that is wanted of it. */
function faultsOfWanted(
  at: Path,
  path: string,
  parameters: Readonly<Record<string, Parameter>>,
  wanted: Json,
  consequence = "",
): Finding[] {
  const parameter = parameters[path];
  if (canMeet(parameter, wanted)) return [];
  const message = `${path} never is ${JSON.stringify(wanted)}${consequence}${alternatives(parameter, wanted)}`;
  return [{ path: at, message }];
}

function reaches(
  from: string,
  to: string,
  parameters: Readonly<Record<string, Parameter>>,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  return Object.keys(parameters[from]?.when ?? {}).some((next) =>
    reaches(next, to, parameters, new Set([...seen, from])),
  );
}

function canMeet(parameter: Parameter, wanted: Json): boolean {
  if ("value" in parameter) return meets(parameter.value, wanted);
  // A list without values is reported as such.
  if ("values" in parameter) {
    return parameter.values.length === 0 || parameter.values.some((value) => meets(value, wanted));
  }
  if ("distribution" in parameter) return typeof wanted === "number";
  const { bins } = axisOf(parameter);
  const isIn = (x: Json) =>
    typeof x === "number" && (bins ? holds(bins, x) : x >= parameter.min && x <= parameter.max);
  return Array.isArray(wanted) ? wanted.some(isIn) : isIn(wanted);
}

function alternatives(parameter: Parameter, wanted: Json): string {
  if (!("values" in parameter)) return ".";
  const texts = parameter.values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return typeof wanted === "string"
    ? `; expected ${oneOf(wanted, texts)}`
    : `; expected one of ${texts.join(", ")}.`;
}

function faultsOfConfirm({ confirm, seeds, parameters }: SweepFile): Finding[] {
  if (confirm === false) return [];
  const both = confirm.seeds.find((seed) => seeds.includes(seed));
  const faults: Finding[] = [];
  if (both !== undefined) {
    faults.push({
      path: ["confirm", "seeds"],
      message: `seed ${both} is one of seeds: what chose a trial cannot confirm it. Expected other seeds, or confirm: false.`,
    });
  }
  if (confirm.metric !== undefined && !isInSeconds(confirm.metric)) {
    faults.push({
      path: ["confirm", "metric"],
      message: `expected a time, such as wallSeconds: other numbers are metric.name of the sweep; got ${confirm.metric}`,
    });
  }
  const { each, baseline } = confirm;
  if (each !== undefined && !Object.hasOwn(parameters, each)) {
    faults.push({
      path: ["confirm", "each"],
      message: `expected a parameter, ${oneOf(each, Object.keys(parameters))}`,
    });
  } else if (each !== undefined && !Object.hasOwn(baseline, each)) {
    faults.push({
      path: ["confirm", "baseline"],
      message: `expected a value of ${each}: its best trial is what the others are compared with.`,
    });
  } else if (each !== undefined) {
    const at = ["confirm", "baseline", each];
    const consequence = ", so that no trial is like the baseline";
    faults.push(...faultsOfWanted(at, each, parameters, baseline[each], consequence));
  }
  for (const [k, wanted] of (confirm.controls ?? []).entries()) {
    const path = ["confirm", "controls", k];
    const message = "expected confirm.each: controls are values of this parameter";
    if (each !== undefined && parameters[each] !== undefined) {
      faults.push(...faultsOfWanted(path, each, parameters, wanted));
    } else faults.push({ path, message });
  }
  if (confirm.seeds.length < 2) {
    faults.push({
      path: ["confirm", "seeds"],
      message: "expected at least 2 seeds: one has no spread. Or confirm: false.",
    });
  }
  return faults;
}

const oneVariant =
  "a sweep is of one variant: compare what the variants change, such as teleport: { values: [null, { when: .., search: .. }] }.";

/** Why a path is none of a trial's settings, with what to write; undefined where it may be one. */
function refusalOfPath(path: string, variant: string | undefined): string | undefined {
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
