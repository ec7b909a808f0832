import type { ScanAttributes } from "../../graph/control/scan-op.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import { float, int } from "../../graph/onnx-rule.js";
import { mul } from "../../graph/ops/arithmetic.js";
import type { ConvAttributes } from "../../graph/ops/conv-attributes.js";
import { emitConv } from "../../graph/ops/conv-forward.js";
import { constantValue, fill, input } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import type { Reduction } from "../../graph/ops/reduce.js";
import { reshape, transpose } from "../../graph/ops/reshape.js";
import { isSlice } from "../../graph/ops/slice.js";
import { readersOf } from "../../graph/readers.js";
import { apply, isFloat, type Op, type Port, type Tensor } from "../../graph/tensor.js";
import { isElementwise } from "./batch-last/plan.js";

/** op(A) op(B) + beta C in one node. */
const gemmOp: Op<{ transposeA: boolean; transposeB: boolean; beta: number; shape: readonly number[] }> = {
  name: "gemm",
  infer: ([a], { shape }) => ({ shape, dtype: a.dtype }),
  js: {},
  onnx: {
    emit: (e, inputs, _node, { transposeA, transposeB, beta }) =>
      e.emit("Gemm", inputs, { transA: int(+transposeA), transB: int(+transposeB), beta: float(beta) }),
  },
};

/** Convolution with a bias in one node. */
const convBiasOp: Op<ConvAttributes & { shape: readonly number[] }> = {
  name: "convBias",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  js: {},
  onnx: {
    emit: (e, operands, node, attrs) => emitConv(e, operands, node.inputs[1].shape, attrs),
  },
};

/** The sum of the squares of all elements in one node. */
const sumOfSquaresOp: Op<Reduction & { shape: readonly number[] }> = {
  name: "sumOfSquares",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  js: {},
  onnx: {
    emit: (e, [x], _node, { axes, keepDims }) =>
      e.emit("ReduceSumSquare", [x, e.indices(axes)], { keepdims: int(+keepDims) }),
  },
};

/** c and x of a product c x with a constant c; otherwise 1 and the tensor itself. */
function withoutFactor(x: Tensor): [number, Tensor] {
  const [a, b] = x.inputs;
  const [ca, cb] = [constantValue(a), constantValue(b)];
  if (ca !== undefined) return [ca, b];
  return cb !== undefined ? [cb, a] : [1, x];
}

/** The bias vector [C] behind a broadcast of [C, 1, 1] or [1, C, 1, 1] to images. */
function channelVector(x: Tensor): Tensor | undefined {
  if (x.op.name !== "broadcast") return undefined;
  const [source] = x.inputs;
  const channels = x.shape[1];
  const shape = source.shape.join();
  if (shape !== [channels, 1, 1].join() && shape !== [1, channels, 1, 1].join()) return undefined;
  if (source.op.name === "reshape" && source.inputs[0].rank === 1) return source.inputs[0];
  return undefined;
}

/**
 * Replaces pairs of nodes for which ONNX has one operator, and products by faster ones. The result is for emission only:
 * its operations have neither derivatives nor JavaScript.
 */
export function fuse(graph: Graph): Graph {
  const order = nodesOf(graph);
  const readers = readersOf(graph, order);
  const once = (x: Tensor, name: string) => x.op.name === name && readers.get(x)?.length === 1;

  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }) => [tensor, tensor]));
  const of = (x: Tensor): Tensor => forms.get(x) as Tensor;

  const fuseAdd = (node: Tensor): Tensor | undefined => {
    for (const [product, term] of [node.inputs, [...node.inputs].reverse()]) {
      if (once(product, "matmul") && product.rank === 2 && isFloat(product.dtype)) {
        const [factor, rest] = once(term, "mul") ? withoutFactor(term) : [1, term];
        // The attribute is a float32, even if the matrices are float64.
        const isExact = product.dtype === "float32" || Math.fround(factor) === factor;
        const [beta, scaled] = isExact ? [factor, rest] : [1, term];
        const source = scaled.op.name === "broadcast" ? scaled.inputs[0] : scaled;
        const { transposeA, transposeB } = product.attrs as { transposeA: boolean; transposeB: boolean };
        const attrs = { transposeA, transposeB, beta, shape: product.shape };
        return apply(gemmOp, [of(product.inputs[0]), of(product.inputs[1]), of(source)], attrs);
      }
      const bias = once(product, "conv2d") ? channelVector(term) : undefined;
      if (bias) {
        const attrs = { ...(product.attrs as unknown as ConvAttributes), shape: product.shape };
        return apply(convBiasOp, [of(product.inputs[0]), of(product.inputs[1]), of(bias)], attrs);
      }
    }
    return undefined;
  };

  const fuseSum = ({ inputs: [x], attrs, shape }: Tensor): Tensor | undefined => {
    const reduction = attrs as unknown as Reduction;
    const isSquare = once(x, "mul") && x.inputs[0] === x.inputs[1] && isFloat(x.dtype);
    // Along some of the axes alone, ONNX Runtime has a faster sum.
    if (!isSquare || reduction.axes.length < x.rank) return undefined;
    return apply(sumOfSquaresOp, [of(x.inputs[0])], { ...reduction, shape });
  };

  /** A'B' = (BA)', where ONNX Runtime sums faster along rows, and the narrow result is turned in less time. */
  const turnProduct = ({ inputs: [a, b], attrs, shape, dtype }: Tensor): Tensor | undefined => {
    const isTurned = attrs.transposeA === true && attrs.transposeB === true;
    const isNarrow = shape.length === 2 && 8 * Math.min(...shape) < a.shape[0];
    return isTurned && isNarrow && isFloat(dtype) ? transpose(matmul(of(b), of(a))) : undefined;
  };

  const rules: Readonly<Record<string, (node: Tensor) => Tensor | undefined>> = {
    add: fuseAdd,
    sum: fuseSum,
    matmul: turnProduct,
    scan: (node) => computedAtOnce(node, node.inputs.map(of)),
  };
  for (const node of order) {
    if (forms.has(node)) continue;
    const fused = rules[node.op.name]?.(node);
    forms.set(node, fused ?? apply(node.op, node.inputs.map(of), node.attrs));
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor: of(tensor) })),
  };
}

/** Computing a larger value takes longer than calling its kernel: nothing is gained by one call for all steps. */
const largest = 2 ** 16;

/** A factor for all steps, and what it multiplies in each. */
interface Scaled {
  readonly x: Tensor;
  readonly factor: Tensor;
}

/**
 * A scan before which everything is computed for all steps in one operation that its steps compute from elements of sequences
 * alone, and the products of such factors. In the derivative of a recurrent net that is nearly all.
 *
 * @param outer forms of the node's inputs
 */
function computedAtOnce(node: Tensor, outer: readonly Tensor[]): Tensor {
  const attrs = node.attrs as ScanAttributes;
  const { body, carries, sequences, length } = attrs;
  const own = carries + sequences;
  const order = nodesOf(body);
  const outputs = body.outputs.map(({ tensor }) => tensor);
  const readers = readersOf(body, order);

  const bound = (from: number, to: number) =>
    new Map(body.inputs.slice(from, to).map(({ tensor }, k) => [tensor, outer[from + k]]));
  const all = bound(carries, own);
  const same = bound(own, body.inputs.length);
  const allOf = (x: Tensor): Tensor | undefined => {
    const value = constantValue(x);
    return value === undefined ? all.get(x) : fill([length, ...x.shape], value, x.dtype);
  };
  const scaled = new Map<Tensor, Scaled>();
  for (const x of order) {
    if (x.size > largest || !x.inputs.some((y) => all.has(y))) continue;
    const form = atOnce(x, { length, allOf, same });
    if (form) all.set(x, form);
    else if (x.op.name === "mul") scaled.set(x, scaledOf(x));
  }
  function scaledOf({ inputs: [a, b] }: Tensor): Scaled {
    const [x, factor] = all.has(b) ? [a, all.get(b) as Tensor] : [b, all.get(a) as Tensor];
    const inner = readers.get(x)?.length === 1 ? scaled.get(x) : undefined;
    return inner ? { x: inner.x, factor: mul(inner.factor, factor) } : { x, factor };
  }

  const needed = new Set(outputs);
  for (const x of [...order].reverse()) {
    if (!needed.has(x) || all.has(x)) continue;
    for (const y of scaled.has(x) ? [(scaled.get(x) as Scaled).x] : x.inputs) needed.add(y);
  }
  const elements = new Map<Tensor, Tensor>();
  const elementOf = (values: Tensor): Tensor => {
    const element = elements.get(values) ?? input(values.shape.slice(1), values.dtype);
    elements.set(values, element);
    return element;
  };
  const forms = new Map(body.inputs.map(({ tensor }) => [tensor, tensor]));
  const formOf = (x: Tensor): Tensor => {
    const values = all.get(x);
    return values ? elementOf(values) : (forms.get(x) as Tensor);
  };
  for (const x of order) {
    if (!needed.has(x) || all.has(x) || forms.has(x)) continue;
    const parts = scaled.get(x);
    if (parts) forms.set(x, mul(formOf(parts.x), elementOf(parts.factor)));
    else forms.set(x, x.inputs.length === 0 ? x : apply(x.op, x.inputs.map(formOf), x.attrs));
  }
  const results = body.outputs.map(({ name, tensor }): Port => ({ name, tensor: formOf(tensor) }));
  const rows = [...elements.values()].map((tensor, k): Port => ({ name: `element.${k}`, tensor }));
  return apply(node.op, [...outer.slice(0, carries), ...elements.keys(), ...outer.slice(own)], {
    ...attrs,
    body: {
      inputs: [...body.inputs.slice(0, carries), ...rows, ...body.inputs.slice(own)],
      outputs: results,
    },
    sequences: rows.length,
  });
}

interface Steps {
  readonly length: number;
  /** Values of all steps; undefined where they depend on what is carried. */
  allOf(x: Tensor): Tensor | undefined;
  /** What stays the same. */
  readonly same: ReadonlyMap<Tensor, Tensor>;
}

/** A node's values in all steps as one operation; undefined where there is none. */
function atOnce(node: Tensor, { length, allOf, same }: Steps): Tensor | undefined {
  const { op, inputs, attrs, shape } = node;
  const operands = inputs.map(allOf);
  const [a] = operands;
  if (isSlice(node)) {
    const { starts, steps } = node.attrs;
    return a && apply(op, [a], { starts: [0, ...starts], steps: [1, ...steps], shape: [length, ...shape] });
  }
  if (op.name === "matmul") {
    const weight = same.get(inputs[1]);
    if (!a || !weight || node.rank !== 2 || attrs.transposeA) return undefined;
    const rows = reshape(a, [length * a.shape[1], a.shape[2]]);
    return reshape(matmul(rows, weight, { transposeB: attrs.transposeB === true }), [length, ...shape]);
  }
  if (!isElementwise(node) || !op.js.readsOnce) return undefined;
  return operands.includes(undefined) ? undefined : apply(op, operands as Tensor[], attrs);
}
