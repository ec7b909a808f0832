import { dtypeOf, isNdArray, type NdArray, type Shape } from "../../array.js";
import { OptionError } from "../../errors.js";
import { flatten } from "../../tree.js";

/** Maps a parameter's path to the name of its task; undefined: shared. */
export type TaskOf = (path: string) => string | undefined;

/** Which leaves of a tree of parameters are shared by all tasks, and which belong to a single task. */
export interface ParameterSplit {
  /** Paths of all leaves in order, such as `shared.conv1.weight` and `heads.left.bias`. */
  readonly paths: readonly string[];
  readonly shapes: readonly Shape[];
  /** Indices of the shared leaves. */
  readonly shared: readonly number[];
  /** Indices of the other leaves, with the index of their task. */
  readonly heads: readonly { readonly leaf: number; readonly task: number }[];
  /** P, the number of shared parameters. */
  readonly size: number;
}

/** `heads.NAME` and everything below it belong to task NAME; everything else is shared. */
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
 * Separates shared parameters from heads.
 *
 * @param tasks names of the tasks, in the order of the losses
 * @param taskOf default: `heads.NAME` belongs to task NAME, all else is shared
 * @throws OptionError for parameters of an unknown task, and for a tree without shared parameters
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
        `The parameters "${path}" belong to task "${name}", which is not one of ${tasks.join(", ")}. ` +
          "Name heads like the tasks, or assign them with taskOf.",
      );
    }
    if (task < 0) shared.push(leaf);
    else heads.push({ leaf, task });
  });
  if (shared.length === 0) {
    throw new OptionError(
      `Several tasks must share parameters, but each of ${paths.join(", ") || "none"} belongs to one task.`,
    );
  }
  const size = shared.reduce((sum, i) => sum + leaves[i].data.length, 0);
  return { paths, shapes: leaves.map((a) => a.shape), shared, heads, size };
}

/**
 * The one dtype of a tree of parameters.
 *
 * @throws OptionError unless there is exactly one, float32 or float64
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
