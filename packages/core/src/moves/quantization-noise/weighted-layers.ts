// The convolutions and products with a weight in a graph, and which of their axes are channels.
import { type Graph, nodesOf } from "../../graph/graph.js";
import type { ConvAttributes } from "../../graph/ops/conv-attributes.js";
import type { Tensor } from "../../graph/tensor.js";
import { type StoredWeight, storedWeight } from "./stored-weight.js";

/** An operation y = W x whose W is a parameter. */
export interface WeightedLayer {
  readonly weight: StoredWeight;
  readonly y: Tensor;
  readonly x: Tensor;
  /** Which input of the operation x is. */
  readonly input: 0 | 1;
  /** Axes of x and y along which their channels are. */
  readonly xAxis: number;
  readonly yAxis: number;
  readonly shape: WeightShape;
}

/**
 * The weight of a layer as [groups, outputs, inputs, window]: how many of each there are in a group, and how far
 * apart their elements are in the operand. Channel number group * outputs + output of y is the sum over a group's inputs.
 */
export interface WeightShape {
  readonly groups: number;
  readonly outputs: number;
  readonly inputs: number;
  /** Number of elements of the window. */
  readonly window: number;
  readonly strides: { readonly group: number; readonly output: number; readonly input: number };
  /** Number of products of an input channel that an element of y sums, on average: fewer than the window in a transpose. */
  readonly terms: number;
}

/**
 * The weighted layers of a graph: convolutions, their transposes and matrix products of which one operand is a
 * parameter, perhaps reshaped or transposed. Products with several weights, such as one a head, are none.
 */
export function weightedLayers(graph: Graph, paths: ReadonlySet<string>): WeightedLayer[] {
  const names = new Map(
    graph.inputs.filter(({ name }) => paths.has(name)).map(({ name, tensor }) => [tensor, name]),
  );
  const pathOf = (tensor: Tensor) => names.get(tensor);
  return nodesOf(graph).flatMap((y) => {
    for (const input of [0, 1] as const) {
      const w = y.inputs[1 - input];
      const made = w && formOf(y, input);
      const weight = made && storedWeight(w, pathOf);
      if (weight) return [{ ...made, weight, y, x: y.inputs[input], input }];
    }
    return [];
  });
}

type Form = Pick<WeightedLayer, "xAxis" | "yAxis" | "shape">;

/** What a layer looks like if its input number `input` is x and the other is W. */
function formOf(y: Tensor, input: 0 | 1): Form | undefined {
  if (y.op.name === "matmul") return productForm(y, input);
  if (input === 1) return undefined;
  if (y.op.name === "conv2d") return convForm(y);
  return y.op.name === "conv2dInputGradient" ? transposedForm(y) : undefined;
}

function convForm({ inputs: [, w], attrs }: Tensor): Form {
  const { groups } = attrs as unknown as ConvAttributes;
  const [all, inputs, height, width] = w.shape;
  const [outputs, window] = [all / groups, height * width];
  const strides = { group: outputs * inputs * window, output: inputs * window, input: window };
  return { xAxis: 1, yAxis: 1, shape: { groups, outputs, inputs, window, strides, terms: window } };
}

/** The transpose of a convolution with weight [inputs, outputs / groups, height, width]. */
function transposedForm({ inputs: [, w], attrs }: Tensor): Form {
  const { groups, stride } = attrs as unknown as ConvAttributes;
  const [all, outputs, height, width] = w.shape;
  const [inputs, window] = [all / groups, height * width];
  const strides = { group: inputs * outputs * window, output: window, input: outputs * window };
  const terms = window / (stride[0] * stride[1]);
  return { xAxis: 1, yAxis: 1, shape: { groups, outputs, inputs, window, strides, terms } };
}

function productForm(y: Tensor, input: 0 | 1): Form | undefined {
  const { transposeA, transposeB } = y.attrs as { transposeA: boolean; transposeB: boolean };
  const w = y.inputs[1 - input];
  const lead = y.rank - 2;
  if (w.size !== w.shape[lead] * w.shape[lead + 1]) return undefined;
  // x W with W [in, out], or W x with W [out, in].
  const isInFirst = input === 0 ? !transposeB : transposeA;
  const [first, second] = w.shape.slice(lead);
  const [inputs, outputs] = isInFirst ? [first, second] : [second, first];
  const strides = isInFirst ? { output: 1, input: outputs } : { output: inputs, input: 1 };
  const summed = input === 0 ? !transposeA : transposeB;
  return {
    xAxis: lead + (summed ? 1 : 0),
    yAxis: lead + (input === 0 ? 1 : 0),
    shape: { groups: 1, outputs, inputs, window: 1, strides: { group: 0, ...strides }, terms: 1 },
  };
}
