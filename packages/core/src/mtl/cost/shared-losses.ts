import type { BatchTensors } from "../../batch.js";
import { ShapeError } from "../../errors.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { representedContext } from "../gradients/forward.js";
import type { RunSetup } from "../train/step-hook.js";
import { checkLosses, type LossContext } from "../train/task-losses.js";

/** Parameters with a shared part; the rest belongs to the heads. */
export interface SharedParams {
  readonly shared: unknown;
}

/** Parameters split in two. A teleport moves the shared ones and does not change the rest. */
export interface Parts {
  readonly shared: unknown;
  readonly rest: Readonly<Record<string, unknown>>;
  /** The model's state, such as running statistics. */
  readonly state: unknown;
}

/** L_k, each a scalar. Traced. */
export type SharedLosses = (parts: Parts, batch: BatchTensors) => readonly Tensor[];

/**
 * Splits parameters into shared ones and the rest.
 *
 * @throws ShapeError when nothing is shared
 */
export function partsOf(params: unknown, state: unknown = {}): Parts {
  if (typeof params !== "object" || params === null || !("shared" in params)) {
    throw new ShapeError(
      "COST: parameters must be { shared, heads }, since a teleport moves the shared ones; there is no `shared`.",
    );
  }
  const { shared, ...rest } = params;
  return { shared, rest, state };
}

/** Task losses without dropout and batch statistics, so that they are the same function before and after a move. */
export function sharedLosses<P>({
  losses,
  representation,
}: Pick<RunSetup<P>, "losses" | "representation">): SharedLosses {
  return ({ shared, rest, state }, batch) => {
    const params = { ...rest, shared } as TensorsOf<P>;
    const plain: LossContext = { training: false, state: state as LossContext["state"] };
    const context = representation ? representedContext(plain, representation(params, batch, plain)) : plain;
    return checkLosses(losses(params, batch, context)).map((loss) => reshape(loss, []));
  };
}
