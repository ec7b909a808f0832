// The convolutions and products with a weight in a graph, and which of their axes are channels.
import type { NdArray } from "../../array.js";
import { viewOrigins } from "../../graph/copies.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import type { ConvAttributes } from "../../graph/ops/conv-attributes.js";
import type { Tensor } from "../../graph/tensor.js";
import { summedAxes } from "../../symmetry/discovery/graph/links.js";

/** An operation y = W x whose W is a parameter. */
export interface WeightedLayer {
  readonly weight: StoredWeight;
  readonly x: Tensor;
  readonly y: Tensor;
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
      const made = w && layerOf(y, input);
      const weight = made && storedWeight(w, pathOf);
      if (weight) return [{ ...made, weight }];
    }
    return [];
  });
}

type Layer = Omit<WeightedLayer, "weight">;

/** What a layer looks like if its input number `input` is x and the other is W. */
function layerOf(y: Tensor, input: 0 | 1): Layer | undefined {
  if (y.op.name === "matmul") return productOf(y, input);
  if (input === 1) return undefined;
  const isTransposed = y.op.name === "conv2dInputGradient";
  return y.op.name === "conv2d" || isTransposed ? convolutionOf(y, isTransposed) : undefined;
}

/** A convolution with weight [outputs, inputs / groups, height, width], or the transpose of one with [inputs, outputs / groups, ...]. */
function convolutionOf(y: Tensor, isTransposed: boolean): Layer {
  const [x, w] = y.inputs;
  const { groups, stride } = y.attrs as unknown as ConvAttributes;
  const [all, second, height, width] = w.shape;
  const [first, window] = [all / groups, height * width];
  const [outer, inner] = [second * window, window];
  const shape = isTransposed
    ? { outputs: second, inputs: first, strides: { group: first * outer, output: inner, input: outer } }
    : { outputs: first, inputs: second, strides: { group: first * outer, output: outer, input: inner } };
  const terms = isTransposed ? window / (stride[0] * stride[1]) : window;
  return { x, y, xAxis: 1, yAxis: 1, shape: { groups, window, terms, ...shape } };
}

function productOf(y: Tensor, input: 0 | 1): Layer | undefined {
  const w = y.inputs[1 - input];
  const summed = summedAxes(y);
  const lead = y.rank - 2;
  if (w.size !== w.shape[lead] * w.shape[lead + 1]) return undefined;
  // x W with W [in, out], or W x with W [out, in].
  const isInFirst = summed[1 - input] === lead;
  const [first, second] = w.shape.slice(lead);
  const [inputs, outputs] = isInFirst ? [first, second] : [second, first];
  const strides = isInFirst ? { output: 1, input: outputs } : { output: inputs, input: 1 };
  return {
    x: y.inputs[input],
    y,
    xAxis: summed[input],
    yAxis: lead + (input === 0 ? 1 : 0),
    shape: { groups: 1, outputs, inputs, window: 1, strides: { group: 0, ...strides }, terms: 1 },
  };
}

/** Visits the windows of a weight: the number of the output channel, that of the input in its group, and its first element. */
export function visitWindows(
  { groups, outputs, inputs, strides }: WeightShape,
  visit: (row: number, input: number, first: number) => void,
): void {
  for (let row = 0; row < groups * outputs; row++) {
    const start = Math.floor(row / outputs) * strides.group + (row % outputs) * strides.output;
    for (let j = 0; j < inputs; j++) visit(row, j, start + j * strides.input);
  }
}

// Weights as an operation reads them, which may be a parameter in another shape or order.

/** An operand that holds the elements of one parameter, each once. */
interface StoredWeight {
  readonly path: string;
  /** For each element of the operand, row-major, its number in the parameter; undefined where they are the same. */
  readonly order?: Int32Array | undefined;
}

/** The parameter whose elements an operand holds, if it is one behind reshapes and transposes. */
function storedWeight(
  operand: Tensor,
  pathOf: (tensor: Tensor) => string | undefined,
): StoredWeight | undefined {
  const path = pathOf(operand);
  if (path !== undefined) return { path };
  const [x] = operand.inputs;
  if (x === undefined || x.size !== operand.size) return undefined;
  const { name } = operand.op;
  if (!["reshape", "broadcast", "alias", "transpose"].includes(name)) return undefined;
  const inner = storedWeight(x, pathOf);
  if (inner === undefined || name !== "transpose") return inner;
  return {
    path: inner.path,
    order: viewOrigins(operand, inner.order ?? Int32Array.from({ length: x.size }, (_, i) => i)),
  };
}

/** The elements of a parameter in the order of the operand, in float64. */
export function readWeight({ data }: NdArray, { order }: StoredWeight): Float64Array {
  const stored = data as Float64Array;
  const values = new Float64Array(stored.length);
  for (let k = 0; k < values.length; k++) values[k] = stored[order === undefined ? k : order[k]];
  return values;
}

/** The parameter with the elements of an operand in its place. */
export function writeWeight(like: NdArray, { order }: StoredWeight, values: Float64Array): NdArray {
  const data = like.data.slice() as Float64Array;
  for (let k = 0; k < values.length; k++) data[order === undefined ? k : order[k]] = values[k];
  return { shape: like.shape, data };
}
