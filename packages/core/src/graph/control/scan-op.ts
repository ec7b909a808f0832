import { IsolossError } from "../../errors.js";
import { backward } from "../autodiff.js";
import { costOf, type Graph, type Port } from "../graph.js";
import { int, ints } from "../onnx-rule.js";
import { add } from "../ops/arithmetic.js";
import { fillLike, input } from "../ops/leaf.js";
import { alias } from "../ops/stop-gradient.js";
import { apply, isFloat, type Op, type Tensor } from "../tensor.js";
import { carriedNames, closureOfStep, inlined, neededOutputs, usedInputs } from "./body.js";
import { resultOf, resultsOf } from "./result.js";

/**
 * The inputs of a scan, and of its body, are the carried values, the sequences, of which the body gets one
 * element a step, and values that stay the same. The body returns the next carried values and elements that are
 * stacked; the last of these are the carried values before each step, which derivatives need.
 */
export interface ScanAttributes extends Readonly<Record<string, unknown>> {
  readonly body: Graph;
  readonly carries: number;
  readonly sequences: number;
  readonly length: number;
  /** Whether the steps go from the end of the sequences to their beginning. */
  readonly reverse: boolean;
  /** Whether all results are there: simplification drops those that nothing uses. */
  readonly complete: boolean;
}

const scanOp: Op<ScanAttributes> = {
  name: "scan",
  infer: (_inputs, { body, carries, length }) =>
    body.outputs.map(({ tensor: { shape, dtype } }, k) => ({
      shape: k < carries ? shape : [length, ...shape],
      dtype,
    })),
  vjps: derivatives,
  keepResults(node, isUsed, { body, carries, sequences, ...rest }) {
    const kept = neededOutputs(body, carries, isUsed);
    const outputs = body.outputs.filter((_, k) => kept.has(k));
    const used = usedInputs({ inputs: body.inputs, outputs });
    const isKept = (_: unknown, k: number) => (k < carries ? kept.has(k) : used.has(k));
    const count = (from: number, to: number) =>
      body.inputs.filter((x, k) => k >= from && k < to && isKept(x, k)).length;
    const attrs = {
      ...rest,
      complete: false,
      body: { inputs: body.inputs.filter(isKept), outputs },
      carries: count(0, carries),
      sequences: count(carries, carries + sequences),
    };
    return { node: apply(scanOp, node.inputs.filter(isKept), attrs), kept: [...kept] };
  },
  js: {
    wholes: true,
    kernel(w, node, { body, carries, sequences, length, reverse }) {
      const names = body.inputs.map(({ name }) => name);
      const carry = carriedNames(body, carries);
      const loop = w.program(body, { carry, sequences: names.slice(carries, carries + sequences), reverse });
      // A carried value is kept in the array of its last one.
      const results = body.outputs.map((_, k) => w.resultAt(k));
      const operands = node.inputs.map((_, k) => (k < carries ? results[k] : w.whole(k)));
      for (let k = 0; k < carries; k++) w.line(`${results[k]}.set(${w.whole(k)});`);
      w.line(`${loop}([${operands}],[${results}],${length});`);
    },
  },
  onnx: {
    emit(e, inputs, _node, { body, carries, sequences, length, reverse }) {
      const own = carries + sequences;
      // ONNX's Scan takes the number of steps from its sequences.
      const steps = sequences === 0 ? [e.constant({ shape: [length], data: new Uint8Array(length) })] : [];
      const directions = (count: number) => ints(Array<number>(count).fill(+reverse));
      return e.control("Scan", [...inputs.slice(0, own), ...steps], {
        attributes: {
          num_scan_inputs: int(sequences + steps.length),
          scan_input_directions: directions(sequences + steps.length),
          scan_output_directions: directions(body.outputs.length - carries),
        },
        bodies: { body: { graph: body, own, captured: inputs.slice(own), unused: steps.length } },
        results: body.outputs.length,
      });
    },
  },
  flops: (_node, { body, length }) => length * costOf(body).flops,
  bytes: (_node, { body, length }) => length * costOf(body).bytes,
  nodes: (_node, { body, length }) => length * costOf(body).nodes,
};

/**
 * A scan whose body computes `outputs`, the next carried values and the elements to be stacked, from the
 * symbols `inputs`. Its last results are the carried values before each step.
 */
export function scanNode(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  values: readonly Tensor[],
  attrs: Pick<ScanAttributes, "carries" | "sequences" | "length" | "reverse">,
): Tensor {
  const before = inputs.slice(0, attrs.carries);
  const { graph, captured } = closureOfStep(inputs, [...outputs, ...before]);
  return apply(scanOp, [...values, ...captured], {
    ...attrs,
    body: graph,
    complete: true,
  });
}

/**
 * The derivative is a scan in the other direction. It carries the cotangents of the carried values, and sums
 * those of what stays the same; each step computes the body again from the carried values before it.
 */
function derivatives(
  cotangents: readonly (Tensor | undefined)[],
  node: Tensor,
  { body, carries, sequences, length, reverse, complete }: ScanAttributes,
): (Tensor | undefined)[] {
  if (!complete) {
    throw new IsolossError(
      "A simplified scan cannot be differentiated; simplify the graph after grad, not before.",
    );
  }
  const own = carries + sequences;
  const before = resultsOf(node).slice(-carries || cotangents.length);
  const bars = cotangents.map((bar, k) => (k < carries ? (bar ?? fillLike(resultOf(node, k), 0)) : bar));
  const differentiable = (ports: readonly Port[]) =>
    ports.flatMap(({ tensor }, k) => (isFloat(tensor.dtype) ? [k] : []));
  const from = differentiable(body.outputs).filter((k) => bars[k]);
  const to = differentiable(body.inputs);
  const [carriedBars, stackedBars] = [from.filter((k) => k < carries), from.filter((k) => k >= carries)];
  const [carriedIn, elementsIn, sameIn] = [
    to.filter((k) => k < carries),
    to.filter((k) => k >= carries && k < own),
    to.filter((k) => k >= own),
  ];

  const barsOf = (ks: readonly number[]) => ks.map((k) => bars[k] as Tensor);
  const start = [...barsOf(carriedBars), ...sameIn.map((k) => fillLike(node.inputs[k], 0))];
  const rows = [...before, ...node.inputs.slice(carries, own), ...barsOf(stackedBars)];
  const symbols = [
    ...start.map(({ shape, dtype }) => input(shape, dtype)),
    ...rows.map(({ shape, dtype }) => input(shape.slice(1), dtype)),
  ];
  const sums = symbols.slice(carriedBars.length, start.length);
  const elements = symbols.slice(start.length, start.length + own);
  const inputs = [...elements, ...node.inputs.slice(own)].map(alias);
  const outputs = inlined(body, inputs);
  const grads = backward(
    from.map((k) => outputs[k]),
    [...symbols.slice(0, carriedBars.length), ...symbols.slice(start.length + own)],
    to.map((k) => inputs[k]),
  );
  const gradOf = (k: number) => grads[to.indexOf(k)];
  const next = [...carriedIn.map(gradOf), ...sameIn.map((k, i) => add(sums[i], gradOf(k)))];
  const scanned = scanNode(symbols, [...next, ...elementsIn.map(gradOf)], [...start, ...rows], {
    carries: start.length,
    sequences: rows.length,
    length,
    reverse: !reverse,
  });
  const order = [...carriedIn, ...sameIn, ...elementsIn];
  return node.inputs.map((_, k) => (order.includes(k) ? resultOf(scanned, order.indexOf(k)) : undefined));
}
