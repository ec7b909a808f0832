import type { NdArray } from "../array.js";
import { specsOf } from "../batch.js";
import { describeValue, OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, mul } from "../graph/ops/arithmetic.js";
import type { TensorsOf } from "../graph/trace.js";
import { flag, type OptionsOf, optionTable } from "../options.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "./symmetry.js";

export interface ProductOptions extends OptionsOf<typeof productOptions> {}

const productOptions = optionTable("product", {
  /**
   * Whether the groups' actions commute, so that elements of the product compose and invert group by group; default
   * false: then the product has no `compose` and `inverse`. Actions on different units commute; a scaling and a
   * linear map of the same units do not.
   */
  commuting: flag.default(false),
});

/**
 * The product of several groups, which act one after another in the given order,
 *
 * (T_1, .., T_n).w = T_n.( .. (T_1.w)),  d/dT = sum_k d/dT_k  at T = 0
 *
 * The algebra joins those of all groups. The trust region is the smallest of theirs. Where some bound
 * elements and others norms, it bounds the norm, which bounds every element, too.
 *
 * @throws OptionError for an empty list, and for anything but symmetries in it
 *
 * @example
 * const both = product([positiveScaling(params), hiddenAction(params, { activation: "leakyRelu" })]);
 */
export function product<P>(symmetries: readonly Symmetry<P>[], options: ProductOptions = {}): Symmetry<P> {
  const { commuting } = productOptions.read(options);
  if (!Array.isArray(symmetries) || symmetries.length === 0) {
    throw new OptionError(`product takes a list of at least one symmetry; got ${describeValue(symmetries)}.`);
  }
  for (const symmetry of symmetries) requireSymmetry("product", symmetry);
  const counts = symmetries.map(({ algebra }) => algebra.length);
  /** Splits a list into pieces of the given lengths. */
  const split = <A>(list: readonly A[], lengths: readonly number[]): A[][] => {
    let at = 0;
    return lengths.map((n) => {
      at += n;
      return list.slice(at - n, at);
    });
  };
  const has = (name: "context" | "prepare") => symmetries.some((s) => s[name] !== undefined);
  const allHave = (name: "pushForward" | "tracePushForward" | "inverse" | "compose") =>
    symmetries.every((s) => s[name] !== undefined);
  const kinds = ["everywhere", "nearly", "batch", "no"] as const;
  const refusals = [...new Set(symmetries.flatMap(({ traceRefusal = [] }) => traceRefusal))];
  const isNorm = symmetries.some(({ bound }) => bound.kind === "norm");

  return {
    name: symmetries.map(({ name }) => name).join(" x "),
    paths: [...new Set(symmetries.flatMap(({ paths }) => paths))],
    exact: kinds[Math.max(...symmetries.map(({ exact }) => kinds.indexOf(exact)))],
    ...(symmetries.every(({ generators }) => generators !== undefined)
      ? { generators: symmetries.flatMap(({ generators = [] }) => generators) }
      : {}),
    algebra: symmetries.flatMap(({ algebra }) => algebra),
    bound: {
      kind: isNorm ? "norm" : "element",
      value: Math.min(...symmetries.map(({ bound }) => bound.value)),
    },
    contextShapes: (batch) => symmetries.flatMap((s) => s.contextShapes?.(batch) ?? []),
    ...(has("prepare")
      ? {
          async prepare(params, batch) {
            for (const s of symmetries) await s.prepare?.(params, batch);
          },
        }
      : {}),
    ...(has("context")
      ? {
          async context(params, batch) {
            const all: NdArray[] = [];
            for (const s of symmetries) {
              const context = (await s.context?.(params, batch)) ?? [];
              if (isRefusal(context)) return context;
              all.push(...context);
            }
            return all;
          },
        }
      : {}),
    ...(has("context") && symmetries.every((s) => !s.context || s.traceContext)
      ? {
          traceContext(params, batch) {
            const all = symmetries.flatMap((s) => s.traceContext?.(params, batch) ?? []);
            return {
              context: all.flatMap(({ context }) => context),
              isCertain: all.map(({ isCertain }) => isCertain).reduce((a, b) => mul(a, b)),
            };
          },
        }
      : {}),
    derivative(params, T, batch, context) {
      const specs = specsOf(batch);
      const contexts = split(
        context,
        symmetries.map((s) => s.contextShapes?.(specs).length ?? 0),
      );
      const tangents = split(T, counts).map((block, k) =>
        symmetries[k].derivative(params, block, batch, contexts[k]),
      );
      return tangents.reduce((sum, tangent) => mapTree<TensorsOf<P>>(add, sum, tangent));
    },
    async act(params, T, batch) {
      let moved: P | Refusal = params;
      for (const [k, block] of split(T, counts).entries()) {
        moved = await symmetries[k].act(moved, block, batch);
        if (isRefusal(moved)) return moved;
      }
      return moved;
    },
    trace: (params, T, batch) =>
      split(T, counts).reduce((p, block, k) => symmetries[k].trace(p, block, batch), params),
    ...(refusals.length > 0 ? { traceRefusal: refusals.join("; or ") } : {}),
    additive: commuting && symmetries.every(({ additive }) => additive),
    ...(commuting && allHave("inverse")
      ? { inverse: (T) => split(T, counts).flatMap((block, k) => symmetries[k].inverse?.(block) ?? []) }
      : {}),
    ...(commuting && allHave("compose")
      ? {
          compose: (second, first) => {
            const before = split(first, counts);
            return split(second, counts).flatMap(
              (block, k) => symmetries[k].compose?.(block, before[k]) ?? [],
            );
          },
        }
      : {}),
    ...(allHave("pushForward")
      ? {
          async pushForward(tree, T, power, params, batch) {
            let [pushed, from]: [P | Refusal, P | Refusal] = [tree, params];
            for (const [k, block] of split(T, counts).entries()) {
              pushed = (await symmetries[k].pushForward?.(pushed, block, power, from, batch)) ?? pushed;
              if (isRefusal(pushed)) return pushed;
              if (k === symmetries.length - 1) break;
              from = await symmetries[k].act(from, block, batch);
              if (isRefusal(from)) return from;
            }
            return pushed;
          },
        }
      : {}),
    ...(allHave("tracePushForward")
      ? {
          tracePushForward(tree, T, power, params, batch) {
            let [pushed, from] = [tree, params];
            for (const [k, block] of split(T, counts).entries()) {
              pushed = symmetries[k].tracePushForward?.(pushed, block, power, from, batch) ?? pushed;
              from = symmetries[k].trace(from, block, batch);
            }
            return pushed;
          },
        }
      : {}),
    async dispose() {
      for (const s of symmetries) await s.dispose?.();
    },
  };
}
