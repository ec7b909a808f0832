// The two losses themselves: their values, gradients and levels, in one compiled loop over points.
import { compile, dot, spec, type Tensor, trace, valueAndGrad } from "isoloss";
import { type TwoTaskToy, twoTaskToy } from "isoloss/problems";
import { type Grid, gridOf } from "isoloss-figures/base";
import { type TasksState, view } from "./state.js";

export interface Toy {
  readonly toy: TwoTaskToy;
  /** Both losses and the cosine of their gradients at points (x1, x2), one after another. */
  measure(xy: Float64Array): Promise<Measured>;
  levels(shows: TasksState["shows"]): Promise<Grid>;
}

/** Of points: both losses, and the cosine of their gradients. */
export interface Measured {
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly cosine: Float64Array;
}

/** Grid points a side. */
const side = 161;

const toys = new Map<TasksState["scale"], Promise<Toy>>();

/** The toy of a scale, compiled once. */
export function toyOf(scale: TasksState["scale"]): Promise<Toy> {
  const made = toys.get(scale) ?? compileToy(Number(scale));
  toys.set(scale, made);
  return made;
}

async function compileToy(scale: number): Promise<Toy> {
  const toy = twoTaskToy({ scale });
  const { graph } = trace(
    ({ w }) => {
      const lossOf = (task: 0 | 1) => (p: { readonly w: Tensor }) =>
        toy.losses({ shared: p }, {}, { training: false, state: {} })[task];
      const [first, { w: g }] = valueAndGrad(lossOf(0))({ w });
      const [second, { w: h }] = valueAndGrad(lossOf(1))({ w });
      return { first, second, gg: dot(g, g), gh: dot(g, h), hh: dot(h, h) };
    },
    { w: spec([2], "float64") },
  );
  const loop = await compile(graph, { runtime: "javascript", scan: { carry: {}, sequences: ["w"] } });
  const measure = async (xy: Float64Array): Promise<Measured> => {
    const steps = xy.length / 2;
    const results = await loop.run({ w: { shape: [steps, 2], data: xy } }, { steps });
    const list = (name: keyof typeof results) => Float64Array.from(results[name].data, Number);
    const [gg, gh, hh] = [list("gg"), list("gh"), list("hh")];
    return {
      first: list("first"),
      second: list("second"),
      cosine: gh.map((value, k) => value / Math.sqrt(gg[k] * hh[k])),
    };
  };
  return {
    toy,
    measure,
    async levels(shows) {
      const points: number[] = [];
      gridOf((x, y) => points.push(x, y), { ...view, n: side });
      const { first, second } = await measure(Float64Array.from(points));
      const values =
        shows === "sum" ? first.map((value, k) => value + second[k]) : shows === "first" ? first : second;
      return { ...view, nx: side, ny: side, values };
    },
  };
}
