import type { Model } from "isoloss";
import { inDataUnits, type StandardizationOptions, standardization, standardize } from "isoloss/data";
import type { Tree } from "./problems.js";
import { mapParts, type RunData } from "./run-data.js";

/**
 * Data whose inputs, and labels that are numbers, have mean 0 and standard deviation 1 over the training examples: each column
 * by itself, or each channel of images; and what is missing their mean. The other parts are changed by the same numbers.
 *
 * @param isNumber whether an input is a number, of a table; default all
 * @param isScaled whether means and deviations change, or gaps are filled in alone
 */
export function standardized(
  data: RunData,
  {
    isScaled,
    ...options
  }: Pick<StandardizationOptions, "isNumber" | "missing"> & { readonly isScaled: boolean },
): RunData {
  const { train, image, tasks } = data;
  if (!isScaled && options.missing === "refuse") return data;
  const { inputs, labels, gaps } = standardization(train, { groups: image?.[0], ...options });
  if (!isScaled) {
    const inputScale = { means: inputs.means.map(() => 0), stds: inputs.stds.map(() => 1) };
    return { ...mapParts(data, (part) => standardize(part, { inputs: inputScale, gaps })), inputScale, gaps };
  }
  // Classes of a table's columns stay as they are numbered.
  const ofNumbers = (values: readonly number[], otherwise: number) =>
    values.map((value, k) => (tasks?.[k]?.classes ? otherwise : value));
  const by = {
    inputs,
    gaps,
    labels: labels && { means: ofNumbers(labels.means, 0), stds: ofNumbers(labels.stds, 1) },
  };
  const changed = mapParts(data, (part) => standardize(part, by));
  return { ...changed, inputScale: by.inputs, targetScale: by.labels, gaps };
}

/** A model that was trained on standardized data as one that takes and gives numbers as they are in the data. */
export const inUnitsOfData = (
  model: Model<Tree, Tree>,
  { inputScale, targetScale, gaps }: Pick<RunData, "inputScale" | "targetScale" | "gaps">,
): Model<Tree, Tree> =>
  inputScale === undefined ? model : inDataUnits(model, { inputs: inputScale, labels: targetScale, gaps });
