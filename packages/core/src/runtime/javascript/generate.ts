import { isResult } from "../../graph/control/result.js";
import type { Graph } from "../../graph/graph.js";
import { copying, type Loop } from "../../graph/javascript-rule.js";
import { apply, type Op, type Tensor } from "../../graph/tensor.js";
import { isArray, isInput } from "./layout.js";
import { Memory } from "./memory.js";
import { nodeWriter } from "./node-writer.js";

/**
 * V8 does not optimize very large functions; a longer program is split into functions of about this many
 * characters.
 */
const functionLength = 16_000;

/** Generated code and the arrays that it uses. */
export interface Program {
  /** Body of `(B, P, erf, ...) => run`: B buffers, P functions of the inner programs; `run(inputs, outputs, steps)`. */
  readonly source: string;
  /** Sizes of the buffers B, and the constant values of those that have them. */
  readonly buffers: readonly {
    readonly size: number;
    readonly values?: ArrayLike<number | bigint> | undefined;
  }[];
  /** Bodies of loops and branches. */
  readonly programs: readonly Program[];
}

/** JavaScript for a simplified graph, run once or as a loop. All arithmetic is float64. */
export function generate(graph: Graph, loop?: Loop): Program {
  const stored = storeOutputs(graph, loop);
  const program = write(stored, loop, true);
  if (program.source.length <= functionLength) return program;
  return write(stored, loop, false, program.programs);
}

const copyOp: Op = {
  name: "copy",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  js: { flat: true, readsOnce: true, pull: (at, read) => read(0, at) },
  onnx: { emit: (e, inputs) => e.emit("Identity", inputs) },
};

/** Carried outputs that are inputs get separate memory: the input may be overwritten before it is read. */
function storeOutputs(graph: Graph, loop: Loop | undefined): Graph {
  const isRead = (name: string) => loop !== undefined && (name in loop.carry || loop.sequences !== undefined);
  const outputs = graph.outputs.map(({ name, tensor }) => ({
    name,
    tensor: isInput(tensor) && isRead(name) ? apply(copyOp, [tensor], {}) : tensor,
  }));
  return { inputs: graph.inputs, outputs };
}

const range = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Assignments of a list's elements to variables of a prefix. */
const assigned = (
  prefix: string,
  count: number,
  from: string,
  isWanted: (name: string) => boolean = () => true,
): string[] => range(prefix, count).flatMap((name, i) => (isWanted(name) ? [`${name}=${from}[${i}]`] : []));

/** A statement of assignments, if there are some. */
const assigning = (kind: string, assignments: readonly string[]): string =>
  assignments.length === 0 ? "" : `${kind}${assignments};\n`;

/**
 * The program of a graph.
 *
 * @param inVariables whether it may be one function, with variables of its own
 * @param known bodies that are generated already, in the order in which they are asked for
 */
function write(
  graph: Graph,
  loop: Loop | undefined,
  inVariables: boolean,
  known: readonly Program[] = [],
): Program {
  const memory = new Memory(graph, loop, inVariables);
  const { buffers } = memory;
  const programs: Program[] = [];
  const block = nodeWriter(
    memory,
    (inner, around) => {
      const place = programs.length;
      programs.push(known[place] ?? generate(inner, around));
      return `p${place}`;
    },
    (node, k, index) => passOn(graph, loop, memory, { node, k, index }),
  );
  const computed = memory.order.filter((node) => isComputed(node, memory));
  const once = computed.filter((node) => memory.invariant.has(node)).map(block);
  const blocks = computed.filter((node) => !memory.invariant.has(node)).map(block);
  const { stacked, carried, ended, swapped } = stepEnd(graph, loop, memory);
  const [x, y, b] = [graph.inputs, graph.outputs, buffers].map(({ length }) => length);
  const functions = inVariables ? [] : split([...blocks, stacked]);
  const first = inVariables ? [] : split(once);
  const fixed = [
    ...assigned("b", b, "B", (name) => !swapped.has(name)),
    ...assigned("p", programs.length, "P"),
  ];
  // Inputs and outputs change between runs, buffers do not unless they change places with an input.
  const changing = [
    ...assigned("x", x, "X"),
    ...assigned("y", y, "Y"),
    ...assigned("b", b, "B", (name) => swapped.has(name)),
  ];
  const names = [...range("x", x), ...range("y", y), ...swapped];
  const source = [
    assigning("const ", fixed),
    inVariables ? "" : chunked(names, [...functions, ...first]),
    "return function run(X,Y,steps){\n",
    assigning(inVariables ? "let " : "", changing),
    inVariables ? `${once.join("\n")}\n` : first.map((_, i) => `f${functions.length + i}();`).join("\n"),
    `for(${inVariables ? "let " : ""}${steps(graph, loop)}){\n`,
    inVariables ? [...blocks, stacked].join("\n") : functions.map((_, i) => `f${i}();`).join("\n"),
    "\n",
    carried,
    "}\n",
    ended,
    "};",
  ].join("");
  return { source, buffers, programs };
}

function isComputed(node: Tensor, memory: Memory): boolean {
  // Loops over the other axes of a value without elements could be long.
  if (node.size === 0 && node.results === undefined) return false;
  return !isInput(node) && !isArray(node) && !isResult(node) && memory.placeOf(node) !== "inline";
}

function steps(graph: Graph, loop: Loop | undefined): string {
  if (loop?.reverse) return "t=steps-1;t>=0;t--";
  const goesOn = graph.inputs.findIndex(({ name }) => name === loop?.goesOn);
  return `t=0;t<steps${goesOn < 0 ? "" : `&&x${goesOn}[0]`};t++`;
}

/** In a split program, the step and what changes between runs are variables shared by all functions. */
function chunked(names: readonly string[], functions: readonly string[]): string {
  return `let t=0,${names.join(",")};\n${functions.map((f, i) => `function f${i}(){\n${f}\n}\n`).join("")}`;
}

function split(blocks: readonly string[]): string[] {
  const functions: string[] = [];
  let current = "";
  for (const block of blocks) {
    if (current !== "" && current.length + block.length > functionLength) {
      functions.push(current);
      current = "";
    }
    current += `${block}\n`;
  }
  functions.push(current);
  return functions;
}

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
function stepEnd(graph: Graph, loop: Loop | undefined, memory: Memory): StepEnd {
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
function passOn(
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
