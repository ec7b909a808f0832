import { isResult } from "../../graph/control/result.js";
import type { Graph } from "../../graph/graph.js";
import { copying, type Loop } from "../../graph/javascript-rule.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Memory } from "./memory.js";

/** Statements after a step of a program. */
export interface StepEnd {
  /** Of results that are copied to the caller's arrays. */
  readonly stacked: string;
  /** Of values that are carried to the next step's inputs. */
  readonly carried: string;
  /** After the last step. */
  readonly ended: string;
  /** Buffers that change places with inputs. */
  readonly swapped: ReadonlySet<string>;
}

/**
 * What happens to the results of a step: they are copied to the caller's arrays, or carried to the next step's inputs. A
 * carried value changes places with its input where it has an array of the same kind for itself; after the last step
 * it is copied if the array is not the caller's.
 */
export function stepEnd(graph: Graph, loop: Loop | undefined, memory: Memory): StepEnd {
  const stacked: string[] = [];
  const carried: string[] = [];
  const ended: string[] = [];
  const swapped = new Set<string>();
  graph.outputs.forEach(({ name, tensor }, i) => {
    const target = loop?.carry[name];
    const input = graph.inputs.findIndex((p) => p.name === target);
    if (target === undefined) {
      stacked.push(...copy(memory, tensor, `y${i}`, loop ? `t*${tensor.size}` : undefined));
    } else if (isSwapped(graph, memory, tensor)) {
      const [x, b] = [`x${input}`, memory.array(tensor)];
      swapped.add(b);
      carried.push(`{const s=${x};${x}=${b};${b}=s;}`);
      ended.push(`if(${x}!==X[${input}])X[${input}].set(${x});`);
    } else {
      carried.push(...copy(memory, tensor, `x${input}`));
    }
  });
  return { stacked: stacked.join("\n"), carried: carried.join("\n"), ended: ended.join("\n"), swapped };
}

/**
 * Statements that make input `k` of a node one of its results. What the result is carried to, and nothing else reads,
 * changes places with it now, and again after the step.
 */
export function passOn(
  graph: Graph,
  loop: Loop | undefined,
  memory: Memory,
  { node, k, index }: { node: Tensor; k: number; index: number },
): string {
  const x = node.inputs[k];
  const [from, to] = [memory.whole(x), memory.results(node)[index]];
  const target = graph.inputs.find(({ tensor }) => tensor === x)?.name;
  const isCarried = graph.outputs.some(
    ({ name, tensor }) =>
      target !== undefined &&
      loop?.carry[name] === target &&
      isResult(tensor) &&
      tensor.inputs[0] === node &&
      tensor.attrs.index === index &&
      isSwapped(graph, memory, tensor),
  );
  const isReadOnce = () =>
    [...memory.order.flatMap(({ inputs }) => inputs), ...graph.outputs.map((o) => o.tensor)].filter(
      (y) => y === x,
    ).length === 1;
  return isCarried && isReadOnce() ? `{const s=${from};${from}=${to};${to}=s;}` : copying(from, to, x.size);
}

function isSwapped(graph: Graph, memory: Memory, tensor: Tensor): boolean {
  return (
    memory.inVariables &&
    tensor.dtype === "float64" &&
    tensor.size > 1 &&
    memory.placeOf(tensor) === "buffer" &&
    !memory.invariant.has(tensor) &&
    graph.outputs.filter((o) => o.tensor === tensor).length === 1
  );
}

function copy(memory: Memory, tensor: Tensor, to: string, offset?: string): string[] {
  if (tensor.size === 0 || memory.array(tensor) === to) return [];
  if (memory.placeOf(tensor) === "local") {
    const at = (k: number) => (offset ? `${offset}+${k}` : `${k}`);
    return Array.from({ length: tensor.size }, (_, k) => `${to}[${at(k)}]=${memory.variable(tensor, k)};`);
  }
  return [copying(memory.array(tensor), to, tensor.size, offset)];
}
