// Quantization simulated in floats: weights and values are rounded to the numbers that integers would stand for.
import type { NdArray } from "../../array.js";
import type { Graph, Port } from "../../graph/graph.js";
import { div, maximum, minimum, mul } from "../../graph/ops/arithmetic.js";
import { input } from "../../graph/ops/leaf.js";
import { round } from "../../graph/ops/rounding.js";
import type { Tensor } from "../../graph/tensor.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { rewrite } from "../../symmetry/discovery/graph/rewrite.js";
import type { Range, Rounding } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import type { Values } from "./statistics.js";
import { readWeight, visitWindows, type WeightedLayer, writeWeight } from "./weighted-layers.js";

/** Parameters with the layers' weights rounded. */
export function roundedWeights(
  params: Values,
  layers: readonly WeightedLayer[],
  { weightLevels, granularity }: Rounding,
): Values {
  const rounded: Record<string, NdArray> = { ...params };
  const done = new Set<string>();
  for (const { weight, shape } of layers) {
    if (done.has(weight.path)) continue;
    done.add(weight.path);
    const values = readWeight(params[weight.path], weight);
    const rows = new Float64Array(shape.groups * shape.outputs);
    visitWindows(shape, (row, _, first) => {
      for (let k = first; k < first + shape.window; k++) rows[row] = Math.max(rows[row], Math.abs(values[k]));
    });
    const whole = rows.reduce((a, b) => Math.max(a, b), 0);
    const steps = rows.map((most) => (granularity === "channel" ? most : whole) / weightLevels);
    visitWindows(shape, (row, _, first) => {
      const step = steps[row];
      if (step === 0) return;
      for (let k = first; k < first + shape.window; k++) values[k] = Math.round(values[k] / step) * step;
    });
    rounded[weight.path] = writeWeight(params[weight.path], weight, values);
  }
  return rounded;
}

export interface Simulator {
  /** The graph's outputs with rounded weights and values, batch by batch. */
  run(params: Values, ranges: readonly Range[], batches: readonly Values[]): Promise<Values[]>;
  dispose(): Promise<void>;
}

/** Compiles a graph that rounds some of its tensors to the ranges given, one for each of them. */
export async function simulator(
  { graph, layers, rounded }: QuantizedGraph,
  rounding: Rounding,
  options: CompileOptions,
): Promise<Simulator> {
  const { activationLevels: levels } = rounding;
  const rewritten =
    levels === undefined
      ? graph
      : withRounding(
          graph,
          rounded.map(({ tensor }) => tensor),
        );
  const executable = await compile(rewritten, options);
  return {
    async run(params, ranges, batches) {
      const quantized = roundedWeights(params, layers, rounding);
      const steps = levels === undefined ? [] : ranges.map((range) => integersOf(range, levels));
      const settings = Object.fromEntries(
        steps.flatMap(({ step, least, most }, k) => [
          [`step${k}`, step],
          [`least${k}`, least],
          [`most${k}`, most],
        ]),
      );
      const results: Values[] = [];
      for (const batch of batches)
        results.push(await executable.run({ ...quantized, ...settings, ...batch }));
      return results;
    },
    dispose: () => executable.dispose(),
  };
}

/** The step between integers, and the smallest and largest of them, counted from 0. */
function integersOf({ low, high }: Range, levels: number) {
  const step = high > low ? (high - low) / levels : 1;
  const least = Math.max(-levels, Math.min(0, Math.round(low / step)));
  return { step, least, most: least + levels };
}

function withRounding(graph: Graph, tensors: readonly Tensor[]): Graph {
  const ports: Port[] = [];
  const rewritten = rewrite(graph, (node, original) => {
    const k = tensors.indexOf(original);
    if (k < 0) return node;
    const [step, least, most] = ["step", "least", "most"].map((name) => {
      const tensor = input([], node.dtype);
      ports.push({ name: `${name}${k}`, tensor });
      return tensor;
    });
    return mul(minimum(maximum(round(div(node, step)), least), most), step);
  });
  return { inputs: [...graph.inputs, ...ports], outputs: rewritten.outputs };
}
