import { type Shape, sizeOf } from "../../array.js";
import { cutsOf, lengthOf, type ParameterAxis, partOf, partShape } from "./descriptors.js";
import { groupBy } from "./parameter-axes.js";

type Acting = ParameterAxis & {
  readonly power?: number | undefined;
  readonly variance?: 1 | -1 | undefined;
  readonly gains?: readonly unknown[] | undefined;
};

/** Joins axes of adjacent pieces of a parameter on which the group acts alike. */
export function mergeParts<L extends Acting>(axes: readonly L[], shapes: ReadonlyMap<string, Shape>): L[] {
  const cutAxes = new Set(axes.flatMap(({ part }) => cutsOf(part).map(({ axis }) => axis)));
  const merged = [...cutAxes].reduce((own, along) => mergeAlong(own, along, shapes), [...axes]);
  // What is whole in each period may be next to another part.
  return merged.length < axes.length ? mergeParts(merged, shapes) : merged;
}

/** Joins axes of pieces that are next to each other along one axis of the parameter. */
function mergeAlong<L extends Acting>(
  axes: readonly L[],
  along: number,
  shapes: ReadonlyMap<string, Shape>,
): L[] {
  const places = axes.map((parameterAxis, order) => ({
    parameterAxis,
    order,
    shape: shapes.get(parameterAxis.path) as Shape,
  }));
  const groups = groupBy(
    places,
    ({ parameterAxis, order, shape }) => alikeKey(parameterAxis, along, shape) ?? `alone ${order}`,
  );
  const cutOf = ({ part }: Acting) => cutsOf(part).find(({ axis }) => axis === along);
  const startOf = (parameterAxis: Acting) => cutOf(parameterAxis)?.start ?? 0;
  return [...groups.values()].flatMap((group) => {
    const runs: L[][] = [];
    for (const { parameterAxis } of [...group].sort(
      (a, b) => startOf(a.parameterAxis) - startOf(b.parameterAxis),
    )) {
      const run = runs.at(-1);
      const last = run && cutOf(run.at(-1) as L);
      if (run && last && startOf(parameterAxis) === last.start + last.count) run.push(parameterAxis);
      else runs.push([parameterAxis]);
    }
    return runs.map((run) => joined(run, along, group[0].shape));
  });
}

/**
 * The axis of the view along which the parameter was cut into parts along one of its own, if there is one and the group
 * does not act along it: all of the cut axis, or of its periods.
 */
function partAxis(
  { part, view, axis, copyAxes = [] }: Acting,
  along: number,
  shape: Shape,
): number | undefined {
  const cuts = cutsOf(part);
  const cut = cuts.find((c) => c.axis === along);
  if (!cut) return undefined;
  const before = sizeOf(partShape(shape, part).slice(0, along));
  const { count, times = 1 } = cut;
  const isCut = (d: number, n: number, outer: number) =>
    view[d] === n && sizeOf(view.slice(0, d)) === outer && d !== axis && !copyAxes.includes(d);
  return [...view.keys()].find((d) => isCut(d, lengthOf(cut), before) || isCut(d, count, before * times));
}

/** A key that is equal for axes that may be joined. */
function alikeKey(parameterAxis: Acting, along: number, shape: Shape): string | undefined {
  const { path, part, view, axis, power, variance, copyAxes, gains } = parameterAxis;
  const at = partAxis(parameterAxis, along, shape);
  if (at === undefined) return undefined;
  const others = view.filter((_, d) => d !== at);
  const otherCuts = cutsOf(part).filter((cut) => cut.axis !== along);
  const { period, times } = cutsOf(part).find((cut) => cut.axis === along) ?? {};
  return JSON.stringify([path, otherCuts, period, times, at, others, axis, power, variance, copyAxes, gains]);
}

function joined<L extends Acting>(run: readonly L[], along: number, shape: Shape): L {
  const [first] = run;
  const at = partAxis(first, along, shape);
  if (run.length === 1 || at === undefined) return first;
  const countOf = ({ part }: L) => cutsOf(part).find(({ axis }) => axis === along)?.count ?? 0;
  const count = run.reduce((sum, one) => sum + countOf(one), 0);
  const { part, ...rest } = first;
  const cuts = cutsOf(part).flatMap((cut) => {
    if (cut.axis !== along) return [cut];
    const { start, period, times } = cut;
    const own =
      count === period ? { axis: along, start, count: lengthOf({ count, times }) } : { ...cut, count };
    return lengthOf(own) === shape[along] ? [] : [own];
  });
  const size = run.reduce((sum, { view }) => sum + view[at], 0);
  const view = first.view.map((n, d) => (d === at ? size : n));
  return { ...rest, ...(cuts.length > 0 ? { part: partOf(cuts) } : {}), view } as unknown as L;
}
