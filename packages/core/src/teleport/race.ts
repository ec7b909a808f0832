import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { grad, mapTree } from "../graph/autodiff.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import type { Tensor } from "../graph/tensor.js";
import { type SpecLeaf, spec, type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import { flatten, unflatten } from "../tree.js";
import type { BatchLoss } from "./objective.js";

export interface RaceOptions {
  /** Of the training that goes on after the teleport. */
  readonly learningRate: number;
  /** Steps of gradient descent from each point; default 10. */
  readonly steps?: number;
}

/** Where descent leads from a point: the judge of whether a larger gradient is worth having. */
export interface Race<P> {
  /** Parameters after the steps on one batch. */
  run(params: P, batch: { readonly x: NdArray; readonly y: NdArray }): Promise<P>;
  dispose(): Promise<void>;
}

/**
 * Compiles steps of gradient descent on one batch as a loop.
 *
 * @throws OptionError for a learning rate or a number of steps out of range
 */
export async function createRace<P>(
  loss: BatchLoss<TensorsOf<P>>,
  params: P,
  batch: { readonly x: SpecLeaf; readonly y: SpecLeaf },
  dtype: "float32" | "float64",
  { learningRate, steps = 10 }: RaceOptions,
  compileOptions: CompileOptions,
): Promise<Race<P>> {
  if (!(learningRate > 0) || !Number.isInteger(steps) || steps < 1) {
    throw new OptionError(
      `race: needs learningRate > 0 and an integer steps >= 1; got ${learningRate}, ${steps}.`,
    );
  }
  const step = (p: TensorsOf<P>, x: Tensor, y: Tensor, rate: Tensor) => ({
    params: mapTree((w, g) => sub(w, mul(rate, g)), p, grad(loss)(p, x, y)),
  });
  const args = [params, batch.x, batch.y, spec([], dtype)];
  const { graph } = trace(step as never, args, { names: ["params", "x", "y", "rate"] });
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const carry = Object.fromEntries(paths.map((path) => [path, path]));
  const executable = await compile(graph, { ...compileOptions, scan: { carry } });
  const rate = {
    shape: [],
    data: dtype === "float64" ? Float64Array.of(learningRate) : Float32Array.of(learningRate),
  };
  return {
    async run(p, { x, y }) {
      const results = await executable.run({ ...namedArrays({ params: p }), x, y, rate }, { steps });
      return (
        unflatten(
          def,
          paths.map((path) => results[path]),
        ) as { params: P }
      ).params;
    },
    dispose: () => executable.dispose(),
  };
}
