import { dtypeOf, isNdArray, type NdArray, type Shape } from "../../array.js";
import { OptionError } from "../../errors.js";
import { flatten } from "../../tree.js";

/** The task that a parameter's path belongs to, by name; undefined: shared. */
export type TaskOf = (path: string) => string | undefined;

/** Which leaves of a tree of parameters all tasks share, and which belong to a task. */
export interface ParameterSplit {
  /** Paths of all leaves in order, such as `shared.conv1.weight` and `heads.left.bias`. */
  readonly paths: readonly string[];
  readonly shapes: readonly Shape[];
  /** Indices of the shared leaves. */
  readonly shared: readonly number[];
  /** Indices of the others, with the index of their task. */
  readonly heads: readonly { readonly leaf: number; readonly task: number }[];
  /** P, the number of shared parameters. */
  readonly size: number;
}

/** `heads.NAME` and all below it belong to task NAME, all else is shared. */
const byConvention: TaskOf = (path) => {
  const [first, task] = path.split(".");
  return first === "heads" ? task : undefined;
};

/** Names of the tasks of a tree `{ shared, heads: { [task]: ... } }`; undefined for a tree without heads. */
export function headNames(params: unknown): readonly string[] | undefined {
  const heads = (params as { heads?: unknown } | null)?.heads;
  return typeof heads === "object" && heads !== null && !Array.isArray(heads) && !isNdArray(heads)
    ? Object.keys(heads)
    : undefined;
}

/**
 * Tells shared parameters and heads apart.
 *
 * @param tasks names of the tasks, in the order of the losses
 * @param taskOf default: `heads.NAME` belongs to task NAME, all else is shared
 * @throws OptionError for the parameters of a task that there is not, and for a tree without shared parameters
 *
 * @example
 * splitParameters({ shared: { w }, heads: { left: { w }, right: { w } } }, ["left", "right"]).shared; // [0]
 */
export function splitParameters(
  params: unknown,
  tasks: readonly string[],
  taskOf: TaskOf = byConvention,
): ParameterSplit {
  const { leaves, paths } = flatten<NdArray>(params, isNdArray);
  const shared: number[] = [];
  const heads: { leaf: number; task: number }[] = [];
  paths.forEach((path, leaf) => {
    const name = taskOf(path);
    const task = name === undefined ? -1 : tasks.indexOf(name);
    if (name !== undefined && task < 0) {
      throw new OptionError(
        `The parameters "${path}" are of task "${name}", which is none of ${tasks.join(", ")}. ` +
          "Name heads like the tasks, or say with taskOf whose they are.",
      );
    }
    if (task < 0) shared.push(leaf);
    else heads.push({ leaf, task });
  });
  if (shared.length === 0) {
    throw new OptionError(
      `Several tasks must share parameters; all of ${paths.join(", ") || "none"} belong to one task each.`,
    );
  }
  const size = shared.reduce((sum, i) => sum + leaves[i].data.length, 0);
  return { paths, shapes: leaves.map((a) => a.shape), shared, heads, size };
}

/**
 * Numbers of every shared leaf in order, such as a layer's weight: they add up to P.
 *
 * @param taskOf default: `heads.NAME` belongs to task NAME, all else is shared
 *
 * @example
 * gradVac({ blocks: sharedSizes(params) }); // each weight and bias on its own
 */
export function sharedSizes(params: unknown, taskOf: TaskOf = byConvention): number[] {
  const { leaves, paths } = flatten<NdArray>(params, isNdArray);
  return leaves.filter((_, i) => taskOf(paths[i]) === undefined).map((a) => a.data.length);
}

/**
 * The one dtype of a tree of parameters.
 *
 * @throws OptionError when there are several, or none that is a float
 */
export function floatOf(params: unknown): "float32" | "float64" {
  const { leaves, paths } = flatten<NdArray>(params, isNdArray);
  const dtypes = leaves.map(dtypeOf);
  const [first = "none"] = dtypes;
  const other = dtypes.findIndex((dtype) => dtype !== first);
  if ((first === "float32" || first === "float64") && other < 0) return first;
  throw new OptionError(
    `Parameters of several tasks must all be float32 or all float64; "${paths[Math.max(other, 0)]}" is ${dtypes[Math.max(other, 0)] ?? "missing"}.`,
  );
}
