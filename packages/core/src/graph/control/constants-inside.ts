import type { Graph } from "../graph.js";
import { constantValue, fill } from "../ops/leaf.js";
import { apply, type Tensor } from "../tensor.js";
import { inlined } from "./body.js";
import type { CondAttributes } from "./cond.js";
import type { ScanAttributes } from "./scan-op.js";
import type { WhileAttributes } from "./while-op.js";

/** Elements and unchanging values of a scan that are known numbers become constants in its body. */
export function constantsInScan(node: Tensor): Tensor | undefined {
  const { body, carries, sequences, ...rest } = node.attrs as ScanAttributes;
  const numbers = node.inputs.map((x, k) => (k < carries ? undefined : constantValue(x)));
  if (numbers.every((value) => value === undefined)) return undefined;
  const isLeft = isUnknown(numbers);
  const attrs = {
    ...rest,
    body: withNumbers(body, numbers),
    carries,
    sequences: numbers.slice(carries, carries + sequences).filter((value) => value === undefined).length,
  };
  return apply(node.op, node.inputs.filter(isLeft), attrs);
}

/** Unchanging values of a loop that are known numbers become constants in its body. */
export function constantsInWhile(node: Tensor): Tensor | undefined {
  const { body, ...rest } = node.attrs as WhileAttributes;
  const numbers = node.inputs.map((x, k) => (k < rest.carries ? undefined : constantValue(x)));
  if (numbers.every((value) => value === undefined)) return undefined;
  return apply(node.op, node.inputs.filter(isUnknown(numbers)), {
    ...rest,
    body: withNumbers(body, numbers),
  });
}

/** Values of a branch that are known numbers become constants in it. */
export function constantsInCond(node: Tensor): Tensor | undefined {
  const { whenTrue, whenFalse } = node.attrs as CondAttributes;
  const [condition, ...values] = node.inputs;
  const numbers = values.map(constantValue);
  if (numbers.every((value) => value === undefined)) return undefined;
  const attrs = { whenTrue: withNumbers(whenTrue, numbers), whenFalse: withNumbers(whenFalse, numbers) };
  return apply(node.op, [condition, ...values.filter(isUnknown(numbers))], attrs);
}

const isUnknown = (numbers: readonly (number | undefined)[]) => (_: unknown, k: number) =>
  numbers[k] === undefined;

/** A body whose inputs of known value are constants inside it. */
function withNumbers(body: Graph, numbers: readonly (number | undefined)[]): Graph {
  const inputs = body.inputs.map(({ tensor }, k) => {
    const value = numbers[k];
    return value === undefined ? tensor : fill(tensor.shape, value, tensor.dtype);
  });
  const outputs = inlined(body, inputs);
  return {
    inputs: body.inputs.filter(isUnknown(numbers)),
    outputs: body.outputs.map(({ name }, k) => ({ name, tensor: outputs[k] })),
  };
}
