// The balanced point of an orbit in one jump: Stock et al., ICLR 2019, for norms; Nagel et al., ICCV 2019, for ranges.
import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { grad } from "../../graph/autodiff.js";
import { cast } from "../../graph/ops/arithmetic.js";
import { lessEqual, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { max } from "../../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import { type BalancedOptions, balancedOptions, toleranceOf } from "../../moves/balance/balanced.js";
import {
  type BalancedGroup,
  type BalanceSettings,
  balancedGroups,
  balancedPoint,
} from "../../moves/balance/element.js";
import { hasEvenPowers, scaledParams } from "../../moves/balance/scales.js";
import { tracedScales } from "../../moves/balance/traced-scales.js";
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { compile } from "../../runtime/compile.js";
import { lazy } from "../../runtime/lazy.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { mapArrays } from "../../symmetry/parameter-axes.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten, namedArrays } from "../../tree.js";
import { all } from "./guard-graph.js";
import { hostedJumps } from "./jump.js";
import { compileOrbitWalk, type OrbitProgram, type OrbitWalkOptions, orbitSearch } from "./orbit-walk.js";
import type { SearchFactory, SearchProblem, Setting } from "./search.js";

export interface BalanceOptions extends Omit<BalancedOptions, "by">, OptionsOf<typeof balanceOptions> {}

export const balanceOptions = optionTable("balance", {
  ...balancedOptions.rows,
  /**
   * `norm` (default): the least sum of squares of the weights on the orbit; `range`: equal largest magnitudes of each unit's
   * weights; `gradient`: the least gradient on the orbit.
   */
  by: oneOf(["norm", "range", "gradient"]).default("norm"),
});

/**
 * Jumps to the balanced point of the orbit, in closed form and as far as it is. For a unit with incoming weights w_+ and
 * outgoing weights w_-, scaled by exp(T) and exp(-T), it has
 *
 * norm: T = log(|w_-|^2 / |w_+|^2) / 4;  range: T = log(max |w_-| / max |w_+|) / 2;
 * gradient: T = log(|g_+|^2 / |g_-|^2) / 4, as a gradient is divided by what its weight is multiplied by
 *
 * in sweeps over all units until none moves; for linear maps g the norms are those of geometric means of Gram matrices.
 * The goal is balance, not the objective, which often falls: the guard asks only that the loss is kept.
 *
 * @param symmetry scalings, GL, or a product of them; ranges and powers of two are those of scalings alone
 * @throws OptionError for settings out of range, and for any other symmetry
 *
 * @example
 * const search = balance(positiveScaling(params), { by: "norm" });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function balance<P>(symmetry: Symmetry<P>, options: BalanceOptions = {}): SearchFactory<P> {
  requireSymmetry("balance", symmetry);
  const { by, powersOfTwo, tolerance = toleranceOf(by), sweeps: most } = balanceOptions.read(options);
  const groups = requireGroups(symmetry, by === "range" || powersOfTwo);
  const settings = { by: by === "range" ? by : "norm", powersOfTwo, tolerance, most } as const;
  return async (problem) => {
    await symmetry.prepare?.(problem.params, problem.batch);
    const gradients = lazy<Awaited<ReturnType<typeof compileGradient<P>>>>();
    const gradientAt = async (start: P, batch: Setting<P>["batch"]): Promise<P> =>
      (await gradients.get("gradient", () => compileGradient(problem))).at(start, batch);
    const acting = by === "gradient" ? groups.map(dual) : groups;

    /** Elements of the group that lead to the balanced point. */
    const elementsFrom = async (start: P, { batch }: Setting<P>) => {
      const from = by === "gradient" ? await gradientAt(start, batch) : start;
      return balancedPoint(namedArrays(from), acting, settings);
    };

    const scalings = acting.flatMap((group) =>
      group.kind === "scaling" && hasEvenPowers(group.axes) ? [group] : [],
    );
    const isTraced = scalings.length === acting.length && !powersOfTwo;
    const proposals = proposalsOf(problem, scalings, { ...settings, of: by });
    const whole = isTraced ? await compileOrbitWalk(symmetry, problem, proposals) : undefined;

    const hosted = hostedJumps(problem, async (start, setting) => {
      const found = await elementsFrom(start, setting);
      if (isRefusal(found)) return { stopped: found.refused };
      const isThere = found.elements.every((T) =>
        T.every(({ data }) => data.every((t) => Math.abs(t) <= tolerance)),
      );
      if (isThere) return { stopped: alreadyBy(by) };
      const strides: { readonly from: P; readonly T: readonly NdArray[] }[] = [];
      let params = start;
      for (const T of found.elements) {
        const next = powersOfTwo
          ? scaledParams(
              params,
              groups.filter((group) => group.kind === "scaling"),
              T,
            )
          : await symmetry.act(params, T, setting.batch);
        if (isRefusal(next)) return next;
        strides.push({ from: params, T });
        params = next;
      }
      return {
        params,
        async pushForward(tree, power) {
          let moved: P | Refusal = tree;
          for (const { from, T } of strides) {
            moved = (await symmetry.pushForward?.(moved, T, power, from, setting.batch)) ?? moved;
            if (isRefusal(moved)) return moved;
          }
          return moved;
        },
      };
    });

    const program: OrbitProgram<P> = {
      async run(...given) {
        const walked = await whole?.run(...given);
        // Where the program does not settle, the host goes on, or says why.
        return walked === undefined || walked.reason === unsettled ? hosted.run(...given) : walked;
      },
      tracedWalk: whole?.tracedWalk,
      async dispose() {
        await whole?.dispose();
        await hosted.dispose();
        await gradients.dispose();
      },
    };
    const name = `${symmetry.name}, balanced by ${by}`;
    return { ...orbitSearch(symmetry, symmetry.bound, program, { steps: 1, name }), goal: "own" };
  };
}

const unsettled = "the sweeps did not settle";
const alreadyBy = (by: string) => `it is balanced by ${by} already`;

/**
 * The same jump, traced.
 *
 * @param scalings as they act on what is balanced
 */
function proposalsOf<P>(
  { loss, dtype }: SearchProblem<P>,
  scalings: readonly ScalingGenerator[],
  { by, of, tolerance, most }: Pick<BalanceSettings, "by" | "tolerance" | "most"> & { readonly of: string },
): OrbitWalkOptions<P, { readonly T: readonly Tensor[] }, object> {
  const paths = new Set(scalings.flatMap(({ axes }) => axes.map(({ path }) => path)));
  return {
    steps: 1,
    given: {},
    reasons: [alreadyBy(of), undefined],
    says: () => unsettled,
    first: { T: scalings.map(({ size }) => fill([size], 0, dtype)) },
    element: (_from, { T }) => T,
    hasOther: () => constant(0, "bool"),
    onward({ params, batch }) {
      const { leaves, paths: names } = flatten<Tensor>(
        of === "gradient" ? grad(loss)(params, batch) : params,
        isTensor,
      );
      const weights = new Map(names.flatMap((name, i) => (paths.has(name) ? [[name, leaves[i]]] : [])));
      const { T, isSettled } = tracedScales(weights, scalings, by, { tolerance, most });
      const isThere = all(...T.map((t) => lessEqual(max(abs(t)), tolerance)));
      const stop = where(isSettled, where(isThere, constant(1, dtype), 0), 2);
      return { state: { T: T.map((t) => cast(t, dtype)) }, stop };
    },
  };
}

function requireGroups<P>(symmetry: Symmetry<P>, isDiagonal: boolean): readonly BalancedGroup[] {
  const groups = balancedGroups(symmetry);
  const isFit = groups?.every(({ kind }) => kind === "scaling" || !isDiagonal);
  if (groups && isFit && symmetry.pushForward) return groups;
  const wanted = isDiagonal
    ? "by ranges or in powers of two takes scalings"
    : "takes scalings, GL, and products of them";
  throw new OptionError(
    `balance ${wanted}, such as positiveScaling(params) or symmetriesOf(loss, params, batch).scaling; "${symmetry.name}" is no such symmetry.`,
  );
}

/** The group as it acts on gradients. */
function dual(group: BalancedGroup): BalancedGroup {
  if (group.kind === "scaling") {
    return { ...group, axes: group.axes.map((axis) => ({ ...axis, power: -axis.power })) };
  }
  const opposite = { 1: -1, [-1]: 1 } as const;
  return { ...group, axes: group.axes.map((axis) => ({ ...axis, variance: opposite[axis.variance] })) };
}

async function compileGradient<P>({ loss, params, batch, compileOptions }: SearchProblem<P>) {
  const { graph } = trace(({ params: p, batch: b }) => ({ g: grad(loss)(p, b) }), { params, batch });
  const run = await compile(graph, compileOptions);
  return {
    async at(p: P, b: Setting<P>["batch"]): Promise<P> {
      const results = await run.run(namedArrays({ params: p, batch: b }));
      return mapArrays(p, (_, path) => results[`g.${path}`]);
    },
    dispose: () => run.dispose(),
  };
}
