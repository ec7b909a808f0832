import { astype, DataError, type Dataset, type NdArray, OptionError, takeRows } from "isoloss";
import { split } from "isoloss/data";
import { prepareDataset } from "isoloss/internal";

/** Examples that run at once, in evaluation and calibration. */
const AT_ONCE = 32;
/** Examples that the statistics of restored batch norms are from. */
const CALIBRATION = 512;

/** Data in the model's precision, divided into what is trained on, what chooses the epoch, and what judges it. */
export interface DividedData {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test?: Dataset | undefined;
}

export function divided(
  data: Dataset,
  held: { readonly validation: Dataset | number; readonly test?: Dataset | number | undefined },
  {
    seed,
    dtype,
    ofNumbers,
  }: { readonly seed: number; readonly dtype: "float32" | "float64"; readonly ofNumbers: boolean },
): DividedData {
  const prepared = (set: Dataset): Dataset => {
    const { inputs, labels } = prepareDataset(set, dtype);
    // Integers would count as classes of which the output has a number each.
    return { inputs, labels: ofNumbers ? astype(labels, dtype) : labels };
  };
  const all = prepared(data);
  const names = (["validation", "test"] as const).filter((name) => held[name] !== undefined);
  const shares = names.flatMap((name) => {
    const part = held[name];
    return typeof part === "number" ? [part] : [];
  });
  const rest = 1 - shares.reduce((sum, share) => sum + share, 0);
  if (!(rest > 0)) {
    throw new OptionError(
      `fineTune: validation and test must leave examples for training; got shares ${shares.join(" and ")}.`,
    );
  }
  const [first, ...parts] = split(all.inputs.shape[0], [rest, ...shares], seed);
  const take = (rows: Int32Array) => ({
    inputs: takeRows(all.inputs, rows),
    labels: takeRows(all.labels, rows),
  });
  const heldOut = names.map((name) => {
    const part = held[name];
    return [name, typeof part === "number" ? take(parts.shift() as Int32Array) : prepared(part as Dataset)];
  });
  return {
    train: shares.length === 0 ? all : take(first),
    ...(Object.fromEntries(heldOut) as Omit<DividedData, "train">),
  };
}

/**
 * Batches for calibration and comparison: the first 512 examples, without a rest where the file fixes the size; else sizes differ by 1 at most.
 *
 * @param fixed the size that the file takes; undefined where it is open
 */
export function calibrationBatches(
  { inputs }: Dataset,
  input: string,
  fixed: number | undefined,
): readonly Readonly<Record<string, NdArray>>[] {
  const count = Math.min(inputs.shape[0], CALIBRATION);
  if (fixed !== undefined && count < fixed) {
    throw new DataError(
      `fineTune: the file takes batches of ${fixed} examples; there are ${count} to train on.`,
    );
  }
  const batches = fixed === undefined ? Math.ceil(count / AT_ONCE) : Math.floor(count / fixed);
  const used = fixed === undefined ? count : batches * fixed;
  return Array.from({ length: batches }, (_, b) => {
    const [first, next] = [b, b + 1].map((k) => Math.floor((k * used) / batches));
    return {
      [input]: takeRows(
        inputs,
        Array.from({ length: next - first }, (__, i) => first + i),
      ),
    };
  });
}

/** How many examples of a set are evaluated at once, and the set without a rest that a file of fixed size cannot take. */
export function evaluationPlan(
  set: Dataset,
  fixed: number | undefined,
  part: "validation" | "test",
): { readonly size: number; readonly set: Dataset } {
  if (fixed === undefined) return { size: AT_ONCE, set };
  const count = set.inputs.shape[0];
  const whole = count - (count % fixed);
  if (whole === 0) {
    throw new DataError(
      `fineTune: the file takes batches of ${fixed} examples; the ${part} data have ${count}.`,
    );
  }
  const rows = Array.from({ length: whole }, (_, i) => i);
  return { size: fixed, set: { inputs: takeRows(set.inputs, rows), labels: takeRows(set.labels, rows) } };
}
