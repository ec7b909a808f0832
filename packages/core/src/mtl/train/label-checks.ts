import type { Batch, BatchTensors } from "../../batch.js";
import type { Tensor } from "../../graph/tensor.js";
import { type LabelUse, labelUses } from "../../nn/losses/label-uses.js";
import { checkClasses } from "../../train/dataset.js";
import type { TaskLosses } from "./task-losses.js";

/** Losses that know, once they were traced, which arrays of a batch they take for labels. */
export interface LabelChecks<P> {
  readonly losses: TaskLosses<P>;
  /**
   * Checks the labels of data against the classes of the losses that take them.
   *
   * @throws DataError naming the array and the first label that is no class
   */
  check(data: Batch): void;
}

/** Watches which arrays of a batch some losses take for labels. */
export function labelChecks<P>(losses: TaskLosses<P>): LabelChecks<P> {
  const uses = new Map<string, readonly LabelUse[]>();
  const masks = new Map<Tensor, string>();
  return {
    losses(params, batch: BatchTensors, context) {
      const values = losses(params, batch, context);
      for (const [name, tensor] of Object.entries(batch)) {
        const found = labelUses(tensor);
        if (found.length > 0) uses.set(name, found);
        if (tensor.dtype === "bool") masks.set(tensor, name);
      }
      return values;
    },
    check(data) {
      const maskOf = (mask: Tensor) => data[masks.get(mask) ?? ""];
      for (const [name, found] of uses)
        if (data[name]) checkClasses(`Labels "${name}"`, data[name], found, maskOf);
    },
  };
}
