import type { Graph, Tensor, Values } from "isoloss";
import { dot, dtypeOf, grad, type NdArray, ndarray, sizeOf, spec, trace, valueAndGrad } from "isoloss";
import { isFloat } from "isoloss/internal";
import { mul, sum } from "isoloss/ops";
import { type OpCase, uniform } from "./op-case.js";

type FloatType = "float32" | "float64";

const isFloatArray = (x: NdArray): boolean => isFloat(dtypeOf(x));

const specOf = (x: NdArray, dtype: FloatType) => spec(x.shape, isFloatArray(x) ? dtype : dtypeOf(x));

/** The inputs under the names `x.0`, `x.1`, ... and the graph of the result alone. */
export function forwardGraph(c: OpCase, dtype: FloatType): { graph: Graph; values: Values } {
  const { graph } = trace(({ x: xs }: { x: Tensor[] }) => c.apply(...xs), {
    x: c.inputs.map((x) => specOf(x, dtype)),
  });
  return { graph, values: Object.fromEntries(c.inputs.map((x, k) => [`x.${k}`, x])) };
}

/** Names of the scalars of {@link derivativeGraph} and of what differentiates each of them. */
export const scalars = { value: "gradient", slope: "second" } as const;

/**
 * The graph of `value` = <f(x), w> and its `gradient` g in x, of `slope` = <g, v> and its derivatives `second` in x and w,
 * for random w and v. The derivative in w is a Jacobian-vector product of f.
 */
export function derivativeGraph(c: OpCase, dtype: FloatType): { graph: Graph; values: Values } {
  const places = c.inputs.flatMap((x, k) => (isFloatArray(x) ? [k] : []));
  const floats = places.map((k) => c.inputs[k]);
  const others = c.inputs.filter((x) => !isFloatArray(x));
  const shape = forwardGraph(c, dtype).graph.outputs[0].tensor.shape;
  const types = {
    x: floats.map((x) => spec(x.shape, dtype)),
    w: spec(shape, dtype),
    v: floats.map((x) => spec(x.shape, dtype)),
    i: others.map((x) => spec(x.shape, dtypeOf(x))),
  };
  type Arguments = { x: Tensor[]; w: Tensor; v: Tensor[]; i: Tensor[] };
  const derive = ({ x, w, v, i }: Arguments) => {
    const weighted = (xs: Tensor[], weights: Tensor) => {
      let [nextFloat, nextOther] = [0, 0];
      const inputs = c.inputs.map((_, k) => (places.includes(k) ? xs[nextFloat++] : i[nextOther++]));
      return sum(mul(c.apply(...inputs), weights));
    };
    const [value, gradient] = valueAndGrad(weighted)(x, w);
    const [slope, second] = valueAndGrad((p: { x: Tensor[]; w: Tensor }) => dot(grad(weighted)(p.x, p.w), v))(
      { x, w },
    );
    return { value, gradient, slope, second };
  };
  const { graph } = trace(({ a }) => derive(a), { a: types });
  const values: Record<string, NdArray> = { "a.w": uniform(71, shape, 0.5, 1.5) };
  floats.forEach((x, k) => {
    values[`a.x.${k}`] = x;
    values[`a.v.${k}`] = uniform(72 + k, x.shape, -1, 1);
  });
  others.forEach((x, k) => {
    values[`a.i.${k}`] = x;
  });
  return { graph, values };
}

/** The same values rounded to float32. */
export const roundedValues = (values: Values): Values =>
  Object.fromEntries(
    Object.entries(values).map(([name, x]) => [
      name,
      isFloatArray(x) ? ndarray(Float32Array.from(x.data as Float64Array), x.shape) : x,
    ]),
  );

/** Root of the sum of squares. */
export const norm = ({ data }: NdArray): number =>
  Math.sqrt(Array.from<number | bigint, number>(data, Number).reduce((sum, x) => sum + x * x, 0));

/** ||a - b|| / ||b||, or relative to `floor` where b is smaller. NaN where a or b holds one alone. */
export function relativeError(a: NdArray, b: NdArray, floor = 1e-3): number {
  let difference = 0;
  for (let i = 0; i < sizeOf(b.shape); i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])];
    if (!Object.is(x, y)) difference += (x - y) ** 2;
  }
  return Math.sqrt(difference) / Math.max(norm(b), floor);
}
