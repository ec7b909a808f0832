import { isNdArray, item, type NdArray } from "../../../array.js";
import { backward } from "../../../graph/autodiff.js";
import { type Graph, nodesOf, type Port, topologicalOrder } from "../../../graph/graph.js";
import { sub } from "../../../graph/ops/arithmetic.js";
import { fillLike, input } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import { simplify } from "../../../graph/simplify.js";
import { apply, type Tensor } from "../../../graph/tensor.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import type { Executable } from "../../../runtime/executable.js";
import { Resources } from "../../../runtime/resources.js";
import { flatten } from "../../../tree.js";
import { gradNormSq } from "../../objective/objective.js";
import type { Point } from "../../point.js";
import { normOf } from "../ascent/trust-region.js";
import type { SearchProblem, Setting } from "../search.js";
import { basisRows, type InputSpace, isWide } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";

/** Fraction of a gradient that is rounding. */
const negligible = { float64: 1e-10, float32: 1e-5 };

export interface ProjectedGradients<P> {
  /** Compiles for these maps in advance; otherwise that happens on first use. */
  prepare(maps: readonly LinearMap[]): Promise<void>;
  /** The part of the objective's gradient outside each space, by rows, and the quantities of the point. */
  at(
    params: P,
    setting: Setting<P>,
    spaces: readonly InputSpace[],
  ): Promise<{ readonly rows: readonly Float64Array[]; readonly point: Point }>;
  dispose(): Promise<void>;
}

/** For some maps: the gradient in their parameters alone, which is cheaper than in all, and its projection. */
interface Compiled {
  readonly slope: Executable;
  readonly projection: Executable;
  /** Leaves of the parameters, and the offset of each in the vector of all parameters. */
  readonly leaves: readonly { readonly name: string; readonly start: number }[];
}

/**
 * Loss, objective and squared gradient norm as one graph, whose inputs begin with the parameters. Common
 * parts are shared, unless the loss stops a gradient, which sharing would ignore, or has loops, whose derivatives need
 * results that sharing would drop.
 */
export function quantitiesOf<P>({ loss, objective, params, batch, memory }: SearchProblem<P>): Graph {
  const quantities = ({
    params: p,
    batch: b,
    memory: m,
  }: TensorsOf<Pick<SearchProblem<P>, "params" | "batch" | "memory">>) => ({
    loss: loss(p, b),
    objective: objective(p, b, m),
    gradNormSq: gradNormSq(loss)(p, b, m),
  });
  const { graph } = trace(quantities, { params, batch, memory });
  const needsAll = ({ op, results }: Tensor) => op.name === "stopGradient" || results !== undefined;
  return nodesOf(graph).some(needsAll) ? graph : simplify(graph);
}

/**
 * A scalar whose gradient in the maps' weights omits the part through the maps' products. That part lies in
 * the span of their inputs, and a step in the null space does not change the products.
 */
function frozen(value: Tensor, maps: readonly LinearMap[]): Tensor {
  const products = new Set(maps.flatMap((map) => map.products));
  const forms = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder([value])) {
    const inputs = node.inputs.map((x) => forms.get(x) as Tensor);
    const same = inputs.every((x, i) => x === node.inputs[i]);
    const form = same ? node : apply(node.op, inputs, node.attrs);
    forms.set(node, products.has(node) ? stopGradient(form) : form);
  }
  return forms.get(value) as Tensor;
}

/**
 * @param joint see {@link quantitiesOf}
 * @param freeze whether steps keep the maps' products
 */
export function projectedGradients<P>(
  joint: Graph,
  { params, dtype, compileOptions }: SearchProblem<P>,
  maps: readonly LinearMap[],
  freeze: boolean,
): ProjectedGradients<P> {
  const quantities = ["loss", "objective", "gradNormSq"].map(
    (name) => joint.outputs.find((port) => port.name === name) as Port,
  );
  const resources = new Resources();
  const compiled = new Map<string, Promise<Compiled>>();
  const arrays = flatten<NdArray>(params, isNdArray).leaves;
  const starts = arrays.map((_, k) => arrays.slice(0, k).reduce((sum, { data }) => sum + data.length, 0));
  const count = arrays.reduce((sum, { data }) => sum + data.length, 0);

  async function make(some: readonly LinearMap[]): Promise<Compiled> {
    const isPlace = new Uint8Array(count);
    for (const { rows } of some) for (const place of rows) isPlace[place] = 1;
    const used = starts.flatMap((start, k) =>
      isPlace.subarray(start, start + arrays[k].data.length).includes(1) ? [k] : [],
    );
    const leaves = used.map((k) => joint.inputs[k].tensor);
    const height = freeze ? frozen(quantities[1].tensor, some) : quantities[1].tensor;
    const slope = backward([height], [fillLike(height, 1)], leaves);
    const outputs = [...quantities, ...slope.map((tensor, i) => ({ name: `slope.${i}`, tensor }))];
    const graph = { inputs: joint.inputs, outputs };
    return {
      slope: resources.keep(await compile(graph, compileOptions)),
      projection: resources.keep(await compile(projectionOf(some), compileOptions)),
      leaves: used.map((k, i) => ({ name: `slope.${i}`, start: starts[k] })),
    };
  }

  const compiledFor = (some: readonly LinearMap[]): Promise<Compiled> => {
    const key = some.map((map) => maps.indexOf(map)).join();
    const known = compiled.get(key) ?? make(some);
    compiled.set(key, known);
    return known;
  };

  return {
    async prepare(some) {
      if (some.length > 0) await compiledFor(some);
    },
    async at(p, setting, spaces) {
      const { slope, projection, leaves } = await compiledFor(spaces.map(({ map }) => map));
      const found = await slope.run(namedArrays({ params: p, batch: setting.batch, memory: setting.memory }));
      const all = new Float64Array(count);
      for (const { name, start } of leaves) all.set(found[name].data as Float64Array, start);
      const full = spaces.map(({ map }) => gatheredFrom(all, map.rows));
      const inputs: Record<string, NdArray> = {};
      spaces.forEach(({ map, basis }, i) => {
        inputs[`g.${i}`] = { shape: [map.rows.length / map.columns, map.columns], data: full[i] };
        inputs[`b.${i}`] = basis as NdArray;
      });
      const outside = await projection.run(inputs);
      const rows = spaces.map(({ map: { columns } }, i) =>
        withoutRounding(outside[`p.${i}`].data as Float64Array, full[i], columns, negligible[dtype]),
      );
      const [lossHere, height, norm] = ["loss", "objective", "gradNormSq"].map((name) => item(found[name]));
      return { rows, point: { loss: lossHere, objective: height, gradNormSq: norm } };
    },
    dispose: () => resources.release(),
  };
}

/**
 * The part of G orthogonal to the inputs of all maps; projected twice, which removes the rounding of the
 * first projection.
 */
function projectionOf(maps: readonly LinearMap[]) {
  const g = maps.map(({ rows, columns }) => input([rows.length / columns, columns], "float64"));
  const b = maps.map((map) => input([basisRows(map), map.columns], "float64"));
  const along = (x: Tensor, basis: Tensor) => matmul(matmul(x, basis, { transposeB: true }), basis);
  const outside = (x: Tensor, i: number) => (isWide(maps[i]) ? sub(x, along(x, b[i])) : along(x, b[i]));
  return {
    inputs: maps.flatMap((_, i) => [
      { name: `g.${i}`, tensor: g[i] },
      { name: `b.${i}`, tensor: b[i] },
    ]),
    outputs: maps.map((_, i) => ({ name: `p.${i}`, tensor: outside(outside(g[i], i), i) })),
  };
}

/** Projected rows, set to zero where almost nothing of the full ones is left. */
function withoutRounding(
  projected: Float64Array,
  full: Float64Array,
  columns: number,
  fraction: number,
): Float64Array {
  for (let at = 0; at < projected.length; at += columns) {
    const row = projected.subarray(at, at + columns);
    if (normOf([row]) <= fraction * normOf([full.subarray(at, at + columns)])) row.fill(0);
  }
  return projected;
}

export function gatheredFrom(x: Float64Array, places: Int32Array): Float64Array {
  const out = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) out[i] = x[places[i]];
  return out;
}
