// The architectures of Debian's package libonnx-testdata, whose weights are left out: `ConstantOfShape` nodes stand for
// them. Random ones take their place.
import { existsSync, readFileSync } from "node:fs";
import { sizeOf } from "isoloss";
import { createRng, type Rng } from "isoloss/data";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";

const folder = "/usr/share/libonnx-testdata/data/light";

export const hasLightModels = existsSync(folder);

/** The bytes of a model with random weights; each batch normalization is folded into the convolution before it. */
export function lightModel(name: string): Uint8Array {
  const model = decodeModel(new Uint8Array(readFileSync(`${folder}/light_${name}.onnx`)));
  return encodeModel({ ...model, graph: folded(randomized(model.graph)) });
}

/** The graph with random weights in place of constants, the positive ones among them for variances. */
function randomized(graph: OnnxGraph): OnnxGraph {
  const rng = createRng(1);
  const stored = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const variances = new Set(graph.nodes.flatMap((n) => (isNorm(n) ? [n.inputs[4]] : [])));
  const isFilled = ({ opType, inputs }: OnnxNode) => opType === "ConstantOfShape" && stored.has(inputs[0]);
  const drawn = graph.nodes.filter(isFilled).map(({ inputs: [shape], outputs: [name] }) => {
    const sizes = Array.from(stored.get(shape)?.data as BigInt64Array, Number);
    return draw(rng, name, sizes, variances.has(name));
  });
  const others = graph.initializers.map((tensor) =>
    variances.has(tensor.name) ? draw(rng, tensor.name, tensor.shape, true) : tensor,
  );
  return {
    ...graph,
    initializers: [...others, ...drawn],
    nodes: graph.nodes.filter((node) => !isFilled(node)),
  };
}

/** Random numbers; large arrays repeat a block of them, as drawing takes time. */
function draw(rng: Rng, name: string, shape: readonly number[], isPositive: boolean): OnnxTensor {
  const size = sizeOf(shape);
  const scale = Math.sqrt(2 / sizeOf(shape.slice(1)));
  const block = Float32Array.from({ length: Math.min(size, 10_007) }, () =>
    isPositive ? 0.5 + rng.next() : scale * rng.normal(),
  );
  const data = new Float32Array(size);
  for (let at = 0; at < size; at += block.length) data.set(block.subarray(0, size - at), at);
  return { name, dtype: "float32", shape, data };
}

const isNorm = ({ opType }: OnnxNode): boolean => opType === "BatchNormalization";

/** W <- f W, b <- beta + (b - mean) f with f = gamma / sqrt(variance + epsilon), for each channel. */
function folded(graph: OnnxGraph): OnnxGraph {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const numbers = (name: string) => tensors.get(name)?.data as Float32Array;
  const makers = new Map(graph.nodes.map((node) => [node.outputs[0], node]));
  const replaced = new Map<OnnxNode, OnnxNode>();
  const gone = new Set<OnnxNode>();
  for (const norm of graph.nodes.filter(isNorm)) {
    const [x, ...names] = norm.inputs;
    const conv = makers.get(x);
    const users = graph.nodes.filter(({ inputs }) => inputs.includes(x));
    if (conv?.opType !== "Conv" || users.length !== 1) continue;
    const [gamma, beta, mean, variance] = names.map(numbers);
    const epsilon = (norm.attributes.epsilon?.value as number | undefined) ?? 1e-5;
    const factors = gamma.map((g, i) => g / Math.sqrt(variance[i] + epsilon));
    const [, weight, bias = `${weight} bias`] = conv.inputs;
    const { shape, data } = tensors.get(weight) as OnnxTensor;
    const fan = sizeOf(shape.slice(1));
    const before = numbers(bias) ?? new Float32Array(factors.length);
    tensors.set(weight, {
      name: weight,
      dtype: "float32",
      shape,
      data: (data as Float32Array).map((w, k) => w * factors[Math.floor(k / fan)]),
    });
    tensors.set(bias, {
      name: bias,
      dtype: "float32",
      shape: [factors.length],
      data: factors.map((f, i) => beta[i] + (before[i] - mean[i]) * f),
    });
    gone.add(norm);
    replaced.set(conv, { ...conv, inputs: [conv.inputs[0], weight, bias], outputs: norm.outputs });
  }
  const nodes = graph.nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
  return { ...graph, initializers: [...tensors.values()], nodes };
}
