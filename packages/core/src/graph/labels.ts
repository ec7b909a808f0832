import { isNdArray, type NdArray } from "../array.js";
import { DataError } from "../errors.js";
import type { Graph } from "./graph.js";
import type { Tensor } from "./tensor.js";

/** How a loss uses labels: constraints on their values, which a graph does not check. */
export interface LabelUse {
  /** Classes 0..classes - 1. */
  readonly classes: number;
  /** Label that marks elements without a label. */
  readonly ignoreIndex?: number | undefined;
  /** bool: true for the elements that count. */
  readonly mask?: Tensor | undefined;
}

const uses = new WeakMap<Tensor, LabelUse[]>();

/**
 * Records that a loss uses a traced tensor as labels.
 *
 * @throws DataError for constant labels that are not classes
 */
export function noteLabels(labels: Tensor, use: LabelUse): void {
  let source = labels;
  // A reshape has the same numbers.
  while (source.op.name === "reshape") [source] = source.inputs;
  const known = uses.get(source) ?? [];
  if (known.some((other) => isSameUse(other, use))) return;
  const values = constantArray(source);
  if (values) checkClasses("Constant labels", values, [use], constantArray);
  uses.set(source, [...known, use]);
}

/** The uses of a tensor as labels in the losses traced so far. */
export const labelUses = (labels: Tensor): readonly LabelUse[] => uses.get(labels) ?? [];

/** Whether inputs of a graph are labels in the losses traced so far. */
export const hasLabels = ({ inputs }: Graph): boolean => inputs.some(({ tensor }) => uses.has(tensor));

/**
 * Checks the labels among the inputs of a graph.
 *
 * @param arrays values of inputs by name; inputs without a value are not checked
 * @throws DataError naming the input and the first label that is not a class
 */
export function checkLabels(
  { inputs }: Graph,
  arrays: Readonly<Record<string, NdArray | number | undefined>>,
): void {
  const arrayOf = (tensor: Tensor): NdArray | undefined => {
    const port = inputs.find((i) => i.tensor === tensor);
    const value = port ? arrays[port.name] : constantArray(tensor);
    return isNdArray(value) ? value : undefined;
  };
  for (const { name, tensor } of inputs) {
    const labels = labelUses(tensor).length > 0 ? arrayOf(tensor) : undefined;
    if (labels) checkClasses(`Labels "${name}"`, labels, labelUses(tensor), arrayOf);
  }
}

/**
 * Checks that labels are valid classes. The losses ignore elements with other labels, so a wrong number of
 * classes would go unnoticed.
 *
 * @param what the labels' name in the message
 * @param uses how losses use them; a label is checked only where every loss counts it
 * @param maskOf the values of a use's mask for all labels; undefined if they are not known: then nothing is checked
 * @throws DataError naming the first label that is not a class
 */
export function checkClasses(
  what: string,
  { shape, data }: NdArray,
  uses: readonly LabelUse[],
  maskOf: (mask: Tensor) => NdArray | undefined = () => undefined,
): void {
  if (!(data instanceof BigInt64Array)) return;
  for (const { classes, ignoreIndex, mask } of uses) {
    const counted = mask && maskOf(mask);
    if (mask && counted?.data.length !== data.length) continue;
    const [end, ignored] = [BigInt(classes), ignoreIndex === undefined ? undefined : BigInt(ignoreIndex)];
    const isCounted = (label: bigint, i: number) =>
      label !== ignored && (counted === undefined || Number(counted.data[i]) !== 0);
    const bad = data.findIndex((label, i) => (label < 0n || label >= end) && isCounted(label, i));
    if (bad < 0) continue;
    const example = shape.length === 0 ? 0 : Math.floor((bad * shape[0]) / data.length);
    throw new DataError(
      `${what} must be classes in 0..${classes - 1}, as the model has ${classes} output${classes === 1 ? "" : "s"}; example ${example} has label ${data[bad]}. ` +
        (data.every((label, i) => (label >= 1n && label <= end) || !isCounted(label, i))
          ? `All labels are in 1..${classes}: if they count from 1, subtract 1.`
          : "Give the model more outputs, or leave out examples without a class (in a loss: ignoreIndex or mask)."),
    );
  }
}

const isSameUse = (a: LabelUse, b: LabelUse): boolean =>
  a.classes === b.classes && a.ignoreIndex === b.ignoreIndex && a.mask === b.mask;

/** The array of a constant, or undefined if the tensor is something else. */
function constantArray({ op, attrs }: Tensor): NdArray | undefined {
  return op.name === "array" && isNdArray(attrs.value) ? attrs.value : undefined;
}
