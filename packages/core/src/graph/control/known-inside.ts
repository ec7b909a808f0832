import type { Graph } from "../graph.js";
import { neg } from "../ops/arithmetic.js";
import { constantValue, fill } from "../ops/leaf.js";
import { apply, type Tensor } from "../tensor.js";
import { closureOfStep, inlined } from "./body.js";
import type { CondAttributes } from "./cond.js";
import type { ScanAttributes } from "./scan-op.js";
import type { WhileAttributes } from "./while-op.js";

/** Elements and unchanging values of a scan that are known need not be its inputs. */
export function knownInScan(node: Tensor): Tensor | undefined {
  const { body, carries, sequences, ...rest } = node.attrs as ScanAttributes;
  const end = carries + sequences;
  const known = knownOf(node.inputs, (k) => (k < carries ? undefined : k < end ? carries : end));
  if (known.every(isNothing)) return undefined;
  const left = known.slice(carries, end).filter(isNothing).length;
  const attrs = { ...rest, body: withKnown(body, known), carries, sequences: left };
  return apply(node.op, unknown(node.inputs, known), attrs);
}

/** Unchanging values of a loop that are known need not be its inputs, and what follows from them alone is computed before it. */
export function knownInWhile(node: Tensor): Tensor | undefined {
  const { body, ...rest } = node.attrs as WhileAttributes;
  const [values, same] = [node.inputs.slice(0, rest.carries), node.inputs.slice(rest.carries)];
  const carried = body.inputs.slice(0, rest.carries).map(({ tensor }) => tensor);
  const unchanging = same.map((x) => {
    const number = constantValue(x);
    return number === undefined ? x : fill(x.shape, number, x.dtype);
  });
  const { graph, captured } = closureOfStep(carried, inlined(body, [...carried, ...unchanging]));
  if (captured.length === same.length && captured.every((x) => same.includes(x))) return undefined;
  return apply(node.op, [...values, ...captured], { ...rest, body: graph });
}

/** Values of a branch that are known need not be its inputs. */
export function knownInCond(node: Tensor): Tensor | undefined {
  const { whenTrue, whenFalse } = node.attrs as CondAttributes;
  const [condition, ...values] = node.inputs;
  const known = knownOf(values, () => 0);
  if (known.every(isNothing)) return negatedInside(node);
  const attrs = { whenTrue: withKnown(whenTrue, known), whenFalse: withKnown(whenFalse, known) };
  return apply(node.op, [condition, ...unknown(values, known)], attrs);
}

/** Signs of a branch's values change inside, where they often vanish in an operation that follows. */
function negatedInside(node: Tensor): Tensor | undefined {
  const { whenTrue, whenFalse } = node.attrs as CondAttributes;
  const [condition, ...values] = node.inputs;
  const isNegated = values.map(({ op }) => op.name === "neg");
  if (!isNegated.includes(true)) return undefined;
  const inside = (branch: Graph): Graph => {
    const inputs = branch.inputs.map(({ tensor }, k) => (isNegated[k] ? neg(tensor) : tensor));
    const outputs = inlined(branch, inputs);
    return { ...branch, outputs: branch.outputs.map(({ name }, k) => ({ name, tensor: outputs[k] })) };
  };
  const attrs = { whenTrue: inside(whenTrue), whenFalse: inside(whenFalse) };
  return apply(node.op, [condition, ...values.map((x, k) => (isNegated[k] ? x.inputs[0] : x))], attrs);
}

/** A number, which becomes a constant in the body, or an earlier input that has the same value. */
type Known = { readonly number: number } | { readonly earlier: number } | undefined;

const isNothing = (known: Known) => known === undefined;

/** @param beginOf the first input that an input may be equal to; undefined where nothing is known of it */
const knownOf = (inputs: readonly Tensor[], beginOf: (k: number) => number | undefined): Known[] =>
  inputs.map((x, k) => {
    const begin = beginOf(k);
    if (begin === undefined) return undefined;
    const number = constantValue(x);
    if (number !== undefined) return { number };
    const earlier = inputs.indexOf(x, begin);
    return earlier < k ? { earlier } : undefined;
  });

const unknown = <T>(list: readonly T[], known: readonly Known[]): T[] =>
  list.filter((_, k) => known[k] === undefined);

/** A body without the inputs that are known. */
function withKnown(body: Graph, known: readonly Known[]): Graph {
  const inputs = body.inputs.map(({ tensor }, k) => {
    const value = known[k];
    if (value === undefined) return tensor;
    return "number" in value
      ? fill(tensor.shape, value.number, tensor.dtype)
      : body.inputs[value.earlier].tensor;
  });
  const outputs = inlined(body, inputs);
  return {
    inputs: unknown(body.inputs, known),
    outputs: body.outputs.map(({ name }, k) => ({ name, tensor: outputs[k] })),
  };
}
