import type { Batch, BatchTensors } from "../../batch.js";
import { checkClasses, type LabelUse, labelUses } from "../../graph/labels.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TaskLosses } from "./task-losses.js";

/** Losses that record, when traced, which arrays of a batch they use as labels. */
export interface LabelChecks<P> {
  readonly losses: TaskLosses<P>;
  /**
   * Checks the labels of data against the number of classes of the losses that use them.
   *
   * @throws DataError naming the array and the first label that is not a class
   */
  check(data: Batch): void;
}

/** Records which arrays of a batch some losses use as labels. */
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
