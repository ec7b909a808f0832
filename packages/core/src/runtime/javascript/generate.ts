import { isResult } from "../../graph/control/result.js";
import type { Graph } from "../../graph/graph.js";
import type { Loop } from "../../graph/javascript-rule.js";
import { apply, type Op, type Tensor } from "../../graph/tensor.js";
import { isArray, isInput } from "./layout.js";
import { Memory } from "./memory.js";
import { nodeWriter } from "./node-writer.js";
import { passOn, stepEnd } from "./step-end.js";

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

/** Declares variables for the elements of a list. */
function declare(
  kind: "const" | "let",
  names: readonly string[],
  from: string,
  isWanted: (name: string) => boolean = () => true,
): string {
  const parts = names.flatMap((name, i) => (isWanted(name) ? [`${name}=${from}[${i}]`] : []));
  return parts.length === 0 ? "" : `${kind} ${parts.join(",")};\n`;
}

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
  // Inputs and outputs change between runs, buffers do not.
  const source = [
    declare("const", range("b", b), "B", (name) => !swapped.has(name)),
    declare("const", range("p", programs.length), "P"),
    inVariables ? "" : chunked([...range("x", x), ...range("y", y)], [...functions, ...first]),
    "return function run(X,Y,steps){\n",
    inVariables
      ? [
          declare("let", range("x", x), "X"),
          declare("const", range("y", y), "Y"),
          declare("let", range("b", b), "B", (name) => swapped.has(name)),
        ].join("")
      : `${[...assign("x", x, "X"), ...assign("y", y, "Y")].join("")}\n`,
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

/** In a split program, inputs, outputs and the step are variables shared by all functions. */
function chunked(names: readonly string[], functions: readonly string[]): string {
  return `let t=0,${names.join(",")};\n${functions.map((f, i) => `function f${i}(){\n${f}\n}\n`).join("")}`;
}

const assign = (prefix: string, count: number, from: string): string[] =>
  range(prefix, count).map((name, i) => `${name}=${from}[${i}];`);

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
