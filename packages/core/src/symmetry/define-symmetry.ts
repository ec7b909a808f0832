// The action, the push-forward and the context of a symmetry on arrays: their traced forms in generated JavaScript.
import { astype, dtypeOf, isAllFinite, isNdArray, type NdArray, type Shape } from "../array.js";
import type { Batch, BatchTensors } from "../batch.js";
import { describeValue, ShapeError } from "../errors.js";
import { formatShape, sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { type LeafPlans, releasePlans, runLeafByLeaf } from "../runtime/leaf-by-leaf.js";
import { flatten, unflatten } from "../tree.js";
import {
  type BlocksOf,
  type Refusal,
  requireTraced,
  type Symmetry,
  type SymmetryDefinition,
} from "./symmetry.js";
import { leavesLike } from "./tangent.js";

/**
 * A symmetry from its traced action: `act`, `pushForward` and `context` on arrays are `trace`, `tracePushForward` and
 * `traceContext` in generated JavaScript, one parameter after another, computed in float64 and rounded once to the type of the
 * array. A parameter that the traced action returns as it is stays the same array.
 *
 * @throws OptionError for an action on arrays, `act`, without a traced one
 *
 * @example
 * const symmetry = defineSymmetry<{ a: NdArray; b: NdArray }, [Shape]>({
 *   name: "product kept",
 *   paths: ["a", "b"],
 *   exact: "everywhere",
 *   algebra: [[]],
 *   bound: { kind: "element", value: 0.5 },
 *   derivative: ({ a, b }, [t]) => ({ a: mul(t, a), b: neg(mul(t, b)) }),
 *   trace: ({ a, b }, [t]) => ({ a: mul(exp(t), a), b: div(b, exp(t)) }),
 * });
 */
export function defineSymmetry<P, A extends readonly Shape[] = readonly Shape[]>(
  definition: SymmetryDefinition<P, A>,
): Symmetry<P, A> {
  requireTraced("defineSymmetry", definition);
  const { name, algebra, trace, traceRefusal, traceContext, tracePushForward } = definition;
  const plans = { act: new Map(), context: new Map(), 1: new Map(), 2: new Map() } satisfies Record<
    string,
    LeafPlans
  >;
  interface Traced {
    readonly moving: TensorsOf<P>;
    readonly shared: BlocksOf<A, Tensor>;
    readonly params: TensorsOf<P>;
    readonly batch: BatchTensors;
  }
  /** A change of the tree `moving` by an element, on arrays. */
  const changed = async (
    known: LeafPlans,
    change: (args: Traced) => TensorsOf<P>,
    args: {
      readonly moving: P;
      readonly shared: BlocksOf<A, NdArray>;
      readonly params?: P;
      readonly batch: Batch;
    },
  ): Promise<P | Refusal> => {
    algebra.forEach((shape, i) => {
      const block = args.shared[i];
      if (isNdArray(block) && sameShape(shape, block.shape)) return;
      throw new ShapeError(
        `Block ${i} of an element of "${name}" must be an array of shape ${formatShape(shape)}; got ${describeValue(block)}.`,
      );
    });
    const like = (given: Traced) => {
      const to = change(given);
      leavesLike(`The action of "${name}"`, to, given.moving);
      return to;
    };
    const from = flatten<NdArray>(args.moving, isNdArray);
    const to = flatten<NdArray>(await runLeafByLeaf(known, like, args), isNdArray).leaves;
    // An array that is not finite itself says nothing of the action.
    const isRefused = (array: NdArray, i: number) => !isAllFinite(array) && isAllFinite(from.leaves[i]);
    if (traceRefusal !== undefined && to.some(isRefused)) return { refused: traceRefusal };
    const rounded = from.leaves.map((array, i) => (to[i] === array ? array : astype(to[i], dtypeOf(array))));
    return unflatten(from.def, rounded) as P;
  };
  return {
    ...definition,
    act: (params, T, batch) =>
      changed(plans.act, ({ moving, shared, batch: b }) => trace(moving, shared, b), {
        moving: params,
        shared: T,
        batch,
      }),
    ...(tracePushForward
      ? {
          pushForward: (tree, T, power, params, batch) =>
            changed(
              plans[power],
              ({ moving, shared, params: p, batch: b }) => tracePushForward(moving, shared, power, p, b),
              { moving: tree, shared: T, params, batch },
            ),
        }
      : {}),
    ...(traceContext
      ? {
          async context(params, batch) {
            const known = ({ params: p, batch: b }: Traced) => traceContext(p, b);
            const { context, isCertain } = (await runLeafByLeaf(plans.context, known, {
              params,
              batch,
              shared: [],
            })) as { readonly context: readonly NdArray[]; readonly isCertain: NdArray };
            if (Number(isCertain.data[0]) === 1) return context;
            return { refused: `what "${name}" needs at this point cannot be computed to working precision` };
          },
        }
      : {}),
    async dispose() {
      for (const known of Object.values(plans)) await releasePlans(known);
    },
  };
}
