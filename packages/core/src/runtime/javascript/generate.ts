import { type Shape, sizeOf } from "../../array.js";
import { isResult } from "../../graph/control/result.js";
import type { Graph } from "../../graph/graph.js";
import { Affine, Index } from "../../graph/index-expression.js";
import { copying, type KernelWriter, type Loop } from "../../graph/javascript-rule.js";
import { apply, type Op, type Tensor } from "../../graph/tensor.js";
import { invariantsOf } from "../loop-invariants.js";
import { isArray, isInput, isPulled, type Placement, placeNodes } from "./layout.js";

/**
 * V8 does not optimize very large functions; a longer program is split into functions of about this many
 * characters.
 */
const functionLength = 16_000;

/** Number of values kept in variables along a row; more would not stay in registers. */
const maxHoisted = 12;

/** Concatenations of at most this many elements are unrolled: the operand of each element is then known. */
const writtenOut = 16;

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
  const program = new Generator(stored, loop, true).program();
  if (program.source.length <= functionLength) return program;
  return new Generator(stored, loop, false, program.programs).program();
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

class Generator {
  private readonly order: Tensor[];
  private readonly placement: Map<Tensor, Placement>;
  private readonly ids = new Map<Tensor, number>();
  private readonly buffers: { size: number; values?: ArrayLike<number | bigint> | undefined }[] = [];
  private readonly bufferOf = new Map<Tensor, string>();
  /** Buffers of the results of an operation that has several. */
  private readonly buffersOf = new Map<Tensor, string[]>();
  private readonly programs: Program[] = [];
  /** Buffers that change places with inputs. */
  private readonly swapped = new Set<string>();
  private variables = 0;
  private lines: string[] = [];
  private invariant: { readonly variable: string; readonly names: Map<string, string> } | undefined;

  constructor(
    private readonly graph: Graph,
    private readonly scan: Loop | undefined,
    private readonly inVariables: boolean,
    /** Bodies that are generated already, in the order in which they are asked for. */
    private readonly known: readonly Program[] = [],
  ) {
    const outputs = graph.outputs.map((o) => o.tensor);
    const { order, placement } = placeNodes(outputs, new Set(outputs), { variables: inVariables });
    this.order = order;
    this.placement = placement;
    for (const [i, node] of order.entries()) this.ids.set(node, i);
    for (const [i, { tensor }] of graph.inputs.entries()) this.bufferOf.set(tensor, `x${i}`);
    for (const node of order) {
      if (isResult(node)) {
        this.bufferOf.set(node, (this.buffersOf.get(node.inputs[0]) as string[])[node.attrs.index]);
      } else if (node.results) {
        const names = node.results.map(({ shape }) => this.buffer(sizeOf(shape)));
        this.buffersOf.set(node, names);
      } else if (placement.get(node) === "buffer" && !isInput(node)) {
        const values = isArray(node)
          ? (node.attrs.value as { data: ArrayLike<number | bigint> }).data
          : undefined;
        const place = this.placeAmongResults(node);
        this.bufferOf.set(node, place === undefined ? this.buffer(node.size, values) : `y${place}`);
      }
    }
  }

  /** Where the caller's array for a result serves as the buffer of a node: it rounds nothing, and is written once. */
  private placeAmongResults(node: Tensor): number | undefined {
    const places = this.graph.outputs.flatMap(({ tensor }, i) => (tensor === node ? [i] : []));
    const isOwn = this.inVariables && !this.scan && !isArray(node) && node.dtype === "float64";
    return isOwn && places.length === 1 ? places[0] : undefined;
  }

  private buffer(size: number, values?: ArrayLike<number | bigint>): string {
    this.buffers.push({ size, values });
    return `b${this.buffers.length - 1}`;
  }

  program(): Program {
    const computed = this.order.filter((node) => this.isComputed(node));
    const invariant: ReadonlySet<Tensor> = this.scan ? invariantsOf(this.graph, this.scan) : new Set();
    const once = computed.filter((node) => invariant.has(node)).map((node) => this.block(node));
    const blocks = computed.filter((node) => !invariant.has(node)).map((node) => this.block(node));
    const { stacked, carried, ended } = this.finish();
    const swapped = (name: string) => this.swapped.has(name);
    const [before, body] = this.inVariables ? [once.join("\n"), [...blocks, stacked].join("\n")] : ["", ""];
    const functions = this.inVariables ? [] : this.split([...blocks, stacked]);
    const first = this.inVariables ? [] : this.split(once);
    // Inputs and outputs change between runs, buffers do not.
    const source = [
      declare("const", range("b", this.buffers.length), "B", (name) => !swapped(name)),
      declare("const", range("p", this.programs.length), "P"),
      this.inVariables ? "" : this.chunked([...functions, ...first]),
      "return function run(X,Y,steps){\n",
      this.inVariables
        ? [
            declare("let", range("x", this.graph.inputs.length), "X"),
            declare("const", range("y", this.graph.outputs.length), "Y"),
            declare("let", range("b", this.buffers.length), "B", swapped),
          ].join("")
        : this.assign(),
      this.inVariables ? `${before}\n` : first.map((_, i) => `f${functions.length + i}();`).join("\n"),
      this.forEachStep(),
      this.inVariables ? body : functions.map((_, i) => `f${i}();`).join("\n"),
      "\n",
      carried,
      "}\n",
      ended,
      "};",
    ].join("");
    return { source, buffers: this.buffers, programs: this.programs };
  }

  private isComputed(node: Tensor): boolean {
    // Loops over the other axes of a value without elements could be long.
    if (node.size === 0 && node.results === undefined) return false;
    return !isInput(node) && !isArray(node) && !isResult(node) && this.placement.get(node) !== "inline";
  }

  private forEachStep(): string {
    const variable = this.inVariables ? "let " : "";
    if (this.scan?.reverse) return `for(${variable}t=steps-1;t>=0;t--){\n`;
    const goesOn = this.graph.inputs.findIndex(({ name }) => name === this.scan?.goesOn);
    return `for(${variable}t=0;t<steps${goesOn < 0 ? "" : `&&x${goesOn}[0]`};t++){\n`;
  }

  /** In a split program, inputs, outputs and the step are variables shared by all functions. */
  private chunked(functions: readonly string[]): string {
    const names = [...this.graph.inputs.map((_, i) => `x${i}`), ...this.graph.outputs.map((_, i) => `y${i}`)];
    return `let t=0,${names.join(",")};\n${functions.map((f, i) => `function f${i}(){\n${f}\n}\n`).join("")}`;
  }

  private assign(): string {
    const inputs = this.graph.inputs.map((_, i) => `x${i}=X[${i}];`);
    const outputs = this.graph.outputs.map((_, i) => `y${i}=Y[${i}];`);
    return `${[...inputs, ...outputs].join("")}\n`;
  }

  private split(blocks: readonly string[]): string[] {
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

  private fresh(prefix: string): string {
    return `${prefix}_${this.variables++}`;
  }

  /** Statements that compute one stored node. */
  private block(node: Tensor): string {
    this.lines = [];
    if (this.placement.get(node) === "local") {
      for (let k = 0; k < node.size; k++) {
        this.lines.push(
          `const ${this.local(node, k)}=${this.compute(node, Index.flat(node.shape, Affine.of(k)))};`,
        );
      }
    } else if (isPulled(node)) {
      const buffer = this.bufferOf.get(node);
      if (node.op.name === "concat" && node.size <= writtenOut) {
        for (let k = 0; k < node.size; k++) {
          const element = this.compute(node, Index.flat(node.shape, Affine.of(k)));
          this.lines.push(`${buffer}[${k}]=${element};`);
        }
      } else if (node.rank === 0 || this.isFlat(node)) {
        this.row(node, node.size, (i) => Index.flat(node.shape, i));
      } else {
        const count = node.shape[node.shape.length - 1];
        this.nest(node.shape.slice(0, -1), [], (outer) =>
          this.row(node, count, (i) => Index.multi(node.shape, [...outer, i])),
        );
      }
    } else {
      node.op.js.kernel?.(this.writer(node), node, node.attrs);
    }
    return this.lines.join("\n");
  }

  /**
   * One row of an element-wise result, or all of it. Elements that are constant along the row, such as a row of a matrix
   * product's left factor, are read once before it: the engine's compiler cannot know that no other code
   * writes to them.
   */
  private row(node: Tensor, count: number, placeOf: (i: Affine) => Index): void {
    const buffer = this.bufferOf.get(node);
    const lines = this.lines;
    this.lines = [];
    this.loop(count, (i) => {
      const place = placeOf(i);
      this.invariant = count > 1 ? { variable: i.toString(), names: new Map() } : undefined;
      this.lines.push(`${buffer}[${place.flat}]=${this.compute(node, place)};`);
    });
    const hoisted = [...(this.invariant?.names ?? [])].map(([code, name]) => `const ${name}=${code};`);
    this.invariant = undefined;
    // A separate block, so that names of one row do not collide with those of the next.
    this.lines =
      hoisted.length > 0 ? [...lines, "{", ...hoisted, ...this.lines, "}"] : [...lines, ...this.lines];
  }

  private writer(node: Tensor): KernelWriter {
    const buffer = this.bufferOf.get(node) ?? "";
    return {
      loop: (count, body) => this.loop(count, body),
      line: (code) => this.lines.push(code),
      fresh: (prefix) => this.fresh(prefix),
      read: (k, at) => this.element(node.inputs[k], at),
      store: (at, expression) => this.lines.push(`${buffer}[${at.flat}]=${expression};`),
      result: (flat) => (flat === "" ? buffer : `${buffer}[${flat}]`),
      whole: (k) => this.wholeArray(node.inputs[k]),
      isFlat: (k) => {
        const x = node.inputs[k];
        return this.placement.get(x) !== "inline" || this.isFlat(x);
      },
      resultAt: (index) => (this.buffersOf.get(node) as string[])[index],
      passOn: (k, index) => this.passOn(node, k, index),
      program: (graph, loop) => {
        const place = this.programs.length;
        this.programs.push(this.known[place] ?? generate(graph, loop));
        return `p${place}`;
      },
    };
  }

  private loop(count: number, body: (i: Affine) => void): void {
    if (count === 1) {
      body(Affine.zero);
      return;
    }
    const i = this.fresh("i");
    this.lines.push(`for(let ${i}=0;${i}<${count};${i}++){`);
    body(Affine.variable(i));
    this.lines.push("}");
  }

  private nest(shape: Shape, at: Affine[], body: (at: Affine[]) => void): void {
    if (at.length === shape.length) body(at);
    else this.loop(shape[at.length], (i) => this.nest(shape, [...at, i], body));
  }

  /** Whether one flat loop computes the node, that is, everything fused into it is element-wise. */
  private isFlat(node: Tensor): boolean {
    if (!node.op.js.flat) return node.op.name === "broadcast" && node.inputs[0].size === 1;
    return node.inputs.every((x) => this.placement.get(x) !== "inline" || x.size === 1 || this.isFlat(x));
  }

  /** Expression for one element, wherever it is stored. */
  private element(node: Tensor, at: Index): string {
    // A single element is read at a variable index if the index selects the operand (concat, place).
    const place = node.size === 1 ? Index.flat(node.shape, Affine.zero) : at;
    switch (this.placement.get(node)) {
      case "inline":
        return this.compute(node, place);
      case "local":
        return this.local(node, place.flat.constant);
      default:
        return this.bufferElement(node, at);
    }
  }

  private bufferElement(node: Tensor, at: Index): string {
    const flat = at.flat;
    const place = this.isSequence(node) ? flat.plus(Affine.variable("t").times(node.size)) : flat;
    return this.hoisted(`${this.bufferOf.get(node)}[${place}]`);
  }

  private wholeArray(node: Tensor): string {
    const name = this.bufferOf.get(node) as string;
    return this.isSequence(node) ? `${name}.subarray(t*${node.size},(t+1)*${node.size})` : name;
  }

  /** Whether each step reads another element of an array. */
  private isSequence(node: Tensor): boolean {
    const port = this.graph.inputs.find((p) => p.tensor === node);
    return port !== undefined && (this.scan?.sequences?.includes(port.name) ?? false);
  }

  /** A read, or the name of its value if the value does not change along the row. */
  private hoisted(code: string): string {
    if (!this.invariant || this.invariant.names.size >= maxHoisted) return code;
    const { variable, names } = this.invariant;
    if (code.match(/[a-z]_\d+/g)?.includes(variable)) return code;
    if (!names.has(code)) names.set(code, this.fresh("h"));
    return names.get(code) as string;
  }

  private compute(node: Tensor, at: Index): string {
    const pull = node.op.js.pull as NonNullable<typeof node.op.js.pull>;
    return pull(at, (k, ix) => this.element(node.inputs[k], ix), node, node.attrs);
  }

  private local(node: Tensor, k: number): string {
    return `v${this.ids.get(node)}_${k}`;
  }

  /**
   * Statements after a step: copy results to the caller's arrays, and carried values to the next step's inputs. A
   * carried value changes places with its input where it has an array of the same kind for itself; after the last step
   * it is copied if the array is not the caller's.
   */
  private finish(): { stacked: string; carried: string; ended: string } {
    const stacked: string[] = [];
    const carried: string[] = [];
    const ended: string[] = [];
    this.graph.outputs.forEach(({ name, tensor }, i) => {
      const target = this.scan?.carry[name];
      const input = this.graph.inputs.findIndex((p) => p.name === target);
      if (target === undefined) {
        stacked.push(...this.copy(tensor, `y${i}`, this.scan ? `t*${tensor.size}` : undefined));
      } else if (this.isSwapped(tensor)) {
        const [x, b] = [`x${input}`, this.bufferOf.get(tensor) as string];
        this.swapped.add(b);
        carried.push(`{const s=${x};${x}=${b};${b}=s;}`);
        ended.push(`if(${x}!==X[${input}])X[${input}].set(${x});`);
      } else {
        carried.push(...this.copy(tensor, `x${input}`));
      }
    });
    return { stacked: stacked.join("\n"), carried: carried.join("\n"), ended: ended.join("\n") };
  }

  private isSwapped(tensor: Tensor): boolean {
    return (
      this.inVariables &&
      tensor.dtype === "float64" &&
      tensor.size > 1 &&
      this.placement.get(tensor) === "buffer" &&
      !isArray(tensor) &&
      this.graph.outputs.filter((o) => o.tensor === tensor).length === 1
    );
  }

  /**
   * Statements that make an input the result of a node. What the result is carried to, and nothing else reads, changes
   * places with it now, and again after the step.
   */
  private passOn(node: Tensor, k: number, index: number): string {
    const x = node.inputs[k];
    const [from, to] = [this.wholeArray(x), (this.buffersOf.get(node) as string[])[index]];
    const target = this.graph.inputs.find(({ tensor }) => tensor === x)?.name;
    const isCarried = this.graph.outputs.some(
      ({ name, tensor }) =>
        target !== undefined &&
        this.scan?.carry[name] === target &&
        isResult(tensor) &&
        tensor.inputs[0] === node &&
        tensor.attrs.index === index &&
        this.isSwapped(tensor),
    );
    const readers = [
      ...this.order.flatMap(({ inputs }) => inputs),
      ...this.graph.outputs.map((o) => o.tensor),
    ];
    const isReadOnce = readers.filter((y) => y === x).length === 1;
    return isCarried && isReadOnce ? `{const s=${from};${from}=${to};${to}=s;}` : copying(from, to, x.size);
  }

  private copy(tensor: Tensor, to: string, offset?: string): string[] {
    if (tensor.size === 0 || this.bufferOf.get(tensor) === to) return [];
    if (this.placement.get(tensor) === "local") {
      const at = (k: number) => (offset ? `${offset}+${k}` : `${k}`);
      return Array.from({ length: tensor.size }, (_, k) => `${to}[${at(k)}]=${this.local(tensor, k)};`);
    }
    const from = this.bufferOf.get(tensor) as string;
    return [copying(from, to, tensor.size, offset)];
  }
}
