import { IsolossError } from "../../errors.js";
import { backward } from "../autodiff.js";
import { costOf, type Graph, type Port } from "../graph.js";
import { copying } from "../javascript-rule.js";
import { int, ints } from "../onnx-rule.js";
import { add } from "../ops/arithmetic.js";
import { fillLike, input } from "../ops/leaf.js";
import { matmul } from "../ops/matmul.js";
import { reshape } from "../ops/reshape.js";
import { alias, readBy } from "../ops/stop-gradient.js";
import { apply, isFloat, type Op, type Tensor } from "../tensor.js";
import { carriedNames, closureOfStep, inlined, neededOutputs, nodesOfStep, usedInputs } from "./body.js";
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
      for (let k = 0; k < carries; k++) w.line(copying(w.whole(k), results[k], node.inputs[k].size));
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
 * symbols `inputs`. After these results come the products and functions of a step, of which derivatives keep some, and
 * last the carried values before it.
 */
export function scanNode(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  values: readonly Tensor[],
  attrs: Pick<ScanAttributes, "carries" | "sequences" | "length" | "reverse">,
): Tensor {
  const before = inputs.slice(0, attrs.carries);
  const stacked = outputs.slice(attrs.carries);
  const slow = nodesOfStep(inputs, outputs).filter((x) => isSlow(x) && !stacked.includes(x));
  const { graph, captured } = closureOfStep(inputs, [...outputs, ...slow, ...before]);
  return apply(scanOp, [...values, ...captured], {
    ...attrs,
    body: graph,
    complete: true,
  });
}

/** Products of which each number is a sum of fewer terms are computed again where a derivative needs them. */
const fewTerms = 32;

const isProduct = ({ op, inputs: [a], attrs, rank }: Tensor): boolean =>
  op.name === "matmul" && (a.shape[attrs.transposeA ? rank - 2 : rank - 1] ?? 0) >= fewTerms;

/** Functions of a number that take fewer operations are computed again, too. */
const fewOperations = 10;

const isFunction = (x: Tensor): boolean =>
  x.inputs.length === 1 && x.op.js.flat === true && (x.op.flops?.(x, x.attrs) ?? 0) >= fewOperations * x.size;

const isSlow = (x: Tensor): boolean => isProduct(x) || isFunction(x);

/** A value of each step that the loop has kept. */
interface Kept {
  readonly tensor: Tensor;
  /** Of all steps. */
  readonly all: Tensor;
  /** Of one, in the derivative's loop. */
  readonly element: Tensor;
}

const elementsOf = (kept: readonly Kept[]): Tensor[] => kept.map(({ element }) => element);

const sizeOfAll = (tensors: readonly Tensor[]): number =>
  tensors.reduce((total, { size }) => total + size, 0);

/** The first products for which there is room. */
function productsWithin(room: number, slow: readonly Kept[]): readonly Kept[] {
  let left = room;
  return slow.filter(({ tensor }) => {
    const isKept = isProduct(tensor) && tensor.size <= left;
    if (isKept) left -= tensor.size;
    return isKept;
  });
}

/**
 * The derivative is a scan in the other direction. It carries the cotangents of the carried values, and sums those of what
 * stays the same; each step computes the body again from the carried values before it, but for what the loop has kept: all that
 * is read of products and functions, if it is no larger than the carried values and the elements of the sequences, which are
 * read anyway; otherwise products alone, as far as they are no larger.
 * Sums over the steps of A' B are one product after the loop, where A and B of all steps are in memory anyway.
 */
function derivatives(
  cotangents: readonly (Tensor | undefined)[],
  node: Tensor,
  { body, carries, sequences, length, reverse, complete }: ScanAttributes,
  isNeeded: (k: number) => boolean,
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
  const given = [...before, ...node.inputs.slice(carries, own), ...barsOf(stackedBars)];
  const carriedSymbols = barsOf(carriedBars).map(({ shape, dtype }) => input(shape, dtype));
  const elementOf = ({ shape, dtype }: Tensor) => input(shape.slice(1), dtype);
  const givenElements = given.map(elementOf);
  const inputs = [...givenElements.slice(0, own), ...node.inputs.slice(own)].map(alias);
  const same = new Set(node.inputs.slice(own));
  const gradsBy = (kept: readonly Kept[]) => {
    const values = new Map(kept.map(({ tensor, element }) => [tensor, element]));
    const outputs = inlined(body, inputs, values);
    return backward(
      from.map((k) => outputs[k]),
      [...carriedSymbols, ...givenElements.slice(own)],
      to.map((k) => inputs[k]),
    );
  };
  const slow = body.outputs.flatMap(({ tensor }, k): Kept[] => {
    if (k < carries || !isSlow(tensor)) return [];
    const all = resultOf(node, k);
    return [{ tensor, all, element: elementOf(all) }];
  });
  const gradsByAll = gradsBy(slow);
  const reads = new Set(gradsByAll.filter((_, i) => to[i] < carries || isNeeded(to[i])));
  for (const x of reads) for (const y of readBy(x)) if (!same.has(y)) reads.add(y);
  const read = slow.filter(({ element }) => reads.has(element));
  const room = sizeOfAll(inputs.slice(0, own));
  const kept = sizeOfAll(elementsOf(read)) <= room ? read : productsWithin(room, slow);
  // Taken once where it can be: nested loops would double the work at each level.
  const grads = kept.length === slow.length ? gradsByAll : gradsBy(kept);
  const rows = [...given, ...kept.map(({ all }) => all)];
  const elements = [...givenElements, ...elementsOf(kept)];
  const gradOf = (k: number) => grads[to.indexOf(k)];

  const stacked = elementsIn.map(gradOf);
  const inMemory = new Set([...inputs.slice(0, own), ...elementsIn.filter(isNeeded).map(gradOf)]);
  const apart = sameIn.map((k) => {
    const terms = termsOf(gradOf(k));
    const after = terms.filter((x) => isOverRows(x) && x.inputs.every((y) => inMemory.has(y)));
    return { k, after, inLoop: terms.filter((x) => !after.includes(x)) };
  });
  const summed = apart.filter(({ inLoop }) => inLoop.length > 0);
  const sums = summed.map(({ k }) => input(node.inputs[k].shape, node.inputs[k].dtype));
  const next = [...carriedIn.map(gradOf), ...summed.map(({ inLoop }, i) => inLoop.reduce(add, sums[i]))];
  const start = [...barsOf(carriedBars), ...summed.map(({ k }) => fillLike(node.inputs[k], 0))];
  const scanned = scanNode(
    [...carriedSymbols, ...sums, ...elements],
    [...next, ...stacked],
    [...start, ...rows],
    {
      carries: start.length,
      sequences: rows.length,
      length,
      reverse: !reverse,
    },
  );
  /** Of all steps, one below the other. */
  const rowsOf = (x: Tensor): Tensor => {
    const k = inputs.indexOf(x);
    const all = k >= 0 ? rows[k] : resultOf(scanned, next.length + stacked.indexOf(x));
    return reshape(all, [length * x.shape[0], x.shape[1]]);
  };
  const sumOf = ({ k, after }: (typeof apart)[number]): Tensor => {
    const i = summed.findIndex((s) => s.k === k);
    const rest = i < 0 ? [] : [resultOf(scanned, carriedIn.length + i)];
    const terms = after.map(({ inputs: [a, b] }) => matmul(rowsOf(a), rowsOf(b), { transposeA: true }));
    return [...rest, ...terms].reduce(add);
  };
  const results = new Map([
    ...carriedIn.map((k, i) => [k, resultOf(scanned, i)] as const),
    ...elementsIn.map((k, i) => [k, resultOf(scanned, next.length + i)] as const),
    ...apart.map((part) => [part.k, sumOf(part)] as const),
  ]);
  return node.inputs.map((_, k) => results.get(k));
}

const termsOf = (x: Tensor): Tensor[] => (x.op.name === "add" ? x.inputs.flatMap(termsOf) : [x]);

/** Whether a tensor is A' B. */
const isOverRows = ({ op, rank, attrs }: Tensor): boolean =>
  op.name === "matmul" && rank === 2 && attrs.transposeA === true && attrs.transposeB === false;
