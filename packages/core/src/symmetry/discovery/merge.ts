import { type Shape, sizeOf } from "../../array.js";
import type { ParameterAxis, Part } from "./descriptors.js";
import { groupBy } from "./parameter-axes.js";

type Acting = ParameterAxis & {
  readonly power?: number | undefined;
  readonly variance?: 1 | -1 | undefined;
  readonly copyAxis?: number | undefined;
};

/** Joins axes of adjacent pieces of a parameter on which the group acts alike. */
export function mergeParts<L extends Acting>(axes: readonly L[], shapes: ReadonlyMap<string, Shape>): L[] {
  const places = axes.map((parameterAxis, order) => ({
    parameterAxis,
    order,
    shape: shapes.get(parameterAxis.path) as Shape,
  }));
  const groups = groupBy(
    places,
    ({ parameterAxis, order, shape }) => alikeKey(parameterAxis, shape) ?? `alone ${order}`,
  );
  return [...groups.values()].flatMap((group) => {
    const runs: L[][] = [];
    for (const { parameterAxis } of [...group].sort(
      (a, b) => startOf(a.parameterAxis) - startOf(b.parameterAxis),
    )) {
      const run = runs.at(-1);
      const last = run?.at(-1)?.part;
      if (run && last && parameterAxis.part?.start === last.start + last.count) run.push(parameterAxis);
      else runs.push([parameterAxis]);
    }
    return runs.map((run) => joined(run, group[0].shape));
  });
}

const startOf = ({ part }: ParameterAxis): number => part?.start ?? 0;

/**
 * The axis of the view along which the parameter was cut into parts, if there is one and the group does not
 * act along it.
 */
function partAxis({ part, view, axis, copyAxis }: Acting, shape: Shape): number | undefined {
  if (!part) return undefined;
  const before = sizeOf(shape.slice(0, part.axis));
  const found = view.findIndex(
    (n, d) => n === part.count && sizeOf(view.slice(0, d)) === before && d !== axis && d !== copyAxis,
  );
  return found < 0 ? undefined : found;
}

/** A key that is equal for axes that may be joined. */
function alikeKey(parameterAxis: Acting, shape: Shape): string | undefined {
  const { path, part, view, axis, power, variance, copyAxis } = parameterAxis;
  const at = partAxis(parameterAxis, shape);
  if (!part || at === undefined) return undefined;
  const others = view.filter((_, d) => d !== at);
  return JSON.stringify([path, part.axis, at, others, axis, power, variance, copyAxis]);
}

function joined<L extends Acting>(run: readonly L[], shape: Shape): L {
  const [first] = run;
  const at = partAxis(first, shape);
  if (run.length === 1 || !first.part || at === undefined) return first;
  const count = run.reduce((sum, { part }) => sum + (part as Part).count, 0);
  const { part, ...rest } = first;
  const view = first.view.map((n, d) => (d === at ? count : n));
  const isWhole = count === shape[part.axis];
  return { ...rest, ...(isWhole ? {} : { part: { ...part, count } }), view } as unknown as L;
}
