// The balanced point of an orbit in one jump: Stock et al., ICLR 2019, for norms; Nagel et al., ICCV 2019, for ranges.
import { OptionError } from "../../errors.js";
import { grad } from "../../graph/autodiff.js";
import { trace } from "../../graph/trace.js";
import { type BalancedOptions, balancedOptions, toleranceOf } from "../../moves/balance/balanced.js";
import { type BalancedGroup, balancedGroups, balancedPoint } from "../../moves/balance/element.js";
import { namedArrays } from "../../named-arrays.js";
import { oneOf } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { compile } from "../../runtime/compile.js";
import { mapArrays } from "../../symmetry/parameter-axes.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { orbitPath } from "./ascent/orbit-path.js";
import { claimOf } from "./claim.js";
import { jump } from "./jump.js";
import type { SearchFactory, SearchProblem, Setting, Stop } from "./search.js";

export interface BalanceOptions extends Omit<BalancedOptions, "by"> {
  /**
   * `norm` (default): the least sum of squares of the weights on the orbit; `range`: equal largest magnitudes of each unit's
   * weights; `gradient`: the least gradient on the orbit.
   */
  readonly by?: "norm" | "range" | "gradient" | undefined;
}

export const balanceOptions = optionTable("balance", {
  ...balancedOptions.rows,
  by: oneOf(["norm", "range", "gradient"]).default("norm"),
} satisfies OptionRows<BalanceOptions>);

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
    const gradient = by === "gradient" ? await compileGradient(problem) : undefined;

    /** Elements of the group that lead to the balanced point. */
    const elementsFrom = async (start: P, { batch }: Setting<P>) =>
      gradient === undefined
        ? balancedPoint(namedArrays(start), groups, settings)
        : balancedPoint(namedArrays(await gradient.at(start, batch)), groups.map(dual), settings);

    return {
      name: `${symmetry.name}, balanced by ${by}`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, symmetry.bound),
      goal: "own",
      steps: 1,
      async walk(start, setting) {
        const path = orbitPath(symmetry, start, setting.batch);
        const point = async (): Promise<P | Refusal | Stop> => {
          const found = await elementsFrom(start, setting);
          if (isRefusal(found)) return { stopped: found.refused };
          const isThere = found.elements.every((T) =>
            T.every(({ data }) => data.every((t) => Math.abs(t) <= tolerance)),
          );
          if (isThere) return { stopped: `it is balanced by ${by} already` };
          for (const T of found.elements) {
            const next = await symmetry.act(path.current, T, setting.batch);
            if (isRefusal(next)) return next;
            path.take(next, T);
          }
          return path.current;
        };
        return jump(point, path.pushForward);
      },
      async dispose() {
        await gradient?.dispose();
        await symmetry.dispose?.();
      },
    };
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
