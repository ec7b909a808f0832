import { Affine, Index } from "../../graph/index-expression.js";
import { forEachPlace, type KernelWriter } from "../../graph/javascript-rule.js";
import type { Tensor } from "../../graph/tensor.js";
import { isPulled } from "./layout.js";
import type { Memory } from "./memory.js";

/** Number of values kept in variables along a row; more would not stay in registers. */
const maxHoisted = 12;

/** Concatenations of at most this many elements are unrolled: the operand of each element is then known. */
const writtenOut = 16;

/**
 * A function that writes the statements which compute a stored node, one node after the other.
 *
 * @param program names the function of an inner program, as kernels ask for it
 * @param passOn writes the statements that make an input one of several results
 */
export function nodeWriter(
  memory: Memory,
  program: KernelWriter["program"],
  passOn: (node: Tensor, k: number, index: number) => string,
): (node: Tensor) => string {
  let variables = 0;
  let lines: string[] = [];
  let invariant: { readonly variable: string; readonly names: Map<string, string> } | undefined;

  return (node) => {
    lines = [];
    if (memory.placeOf(node) === "local") {
      for (let k = 0; k < node.size; k++) {
        lines.push(`const ${memory.variable(node, k)}=${computeSingle(node, k)};`);
      }
    } else if (!isPulled(node)) {
      node.op.js.kernel?.(writer(node), node, node.attrs);
    } else if (node.op.name === "concat" && node.size <= writtenOut) {
      const array = memory.array(node);
      for (let k = 0; k < node.size; k++) lines.push(`${array}[${k}]=${computeSingle(node, k)};`);
    } else if (node.rank === 0 || isFlat(node)) {
      row(node, node.size, (i) => Index.flat(node.shape, i));
    } else {
      const count = node.shape[node.shape.length - 1];
      forEachPlace({ loop }, node.shape.slice(0, -1), (outer) =>
        row(node, count, (i) => Index.multi(node.shape, [...outer, i])),
      );
    }
    return lines.join("\n");
  };

  /**
   * One row of an element-wise result, or all of it. Elements that are constant along the row, such as a row of a matrix
   * product's left factor, are read once before it: the engine's compiler cannot know that no other code
   * writes to them.
   */
  function row(node: Tensor, count: number, placeOf: (i: Affine) => Index): void {
    const array = memory.array(node);
    const before = lines;
    lines = [];
    loop(count, (i) => {
      const place = placeOf(i);
      invariant = count > 1 ? { variable: i.toString(), names: new Map() } : undefined;
      lines.push(`${array}[${place.flat}]=${compute(node, place)};`);
    });
    const hoisted = [...(invariant?.names ?? [])].map(([code, name]) => `const ${name}=${code};`);
    invariant = undefined;
    // A separate block, so that names of one row do not collide with those of the next.
    lines = hoisted.length > 0 ? [...before, "{", ...hoisted, ...lines, "}"] : [...before, ...lines];
  }

  function writer(node: Tensor): KernelWriter {
    const array = node.results ? "" : memory.array(node);
    return {
      loop,
      line: (code) => lines.push(code),
      fresh,
      read: (k, at) => element(node.inputs[k], at),
      store: (at, expression) => lines.push(`${array}[${at.flat}]=${expression};`),
      result: (flat) => (flat === "" ? array : `${array}[${flat}]`),
      whole: (k) => memory.whole(node.inputs[k]),
      isFlat: (k) => {
        const x = node.inputs[k];
        return memory.placeOf(x) !== "inline" || isFlat(x);
      },
      resultAt: (index) => memory.results(node)[index],
      passOn: (k, index) => passOn(node, k, index),
      program,
    };
  }

  function loop(count: number, body: (i: Affine) => void): void {
    if (count === 1) {
      body(Affine.zero);
      return;
    }
    const i = fresh("i");
    lines.push(`for(let ${i}=0;${i}<${count};${i}++){`);
    body(Affine.variable(i));
    lines.push("}");
  }

  /** Whether one flat loop computes the node, that is, everything fused into it is element-wise. */
  function isFlat(node: Tensor): boolean {
    if (!node.op.js.flat) return node.op.name === "broadcast" && node.inputs[0].size === 1;
    return node.inputs.every((x) => memory.placeOf(x) !== "inline" || x.size === 1 || isFlat(x));
  }

  /** Expression for one element, wherever it is stored. */
  function element(node: Tensor, at: Index): string {
    // A single element is read at a variable index if the index selects the operand (concat, place).
    const place = node.size === 1 ? Index.flat(node.shape, Affine.zero) : at;
    switch (memory.placeOf(node)) {
      case "inline":
        return compute(node, place);
      case "local":
        return memory.variable(node, place.flat.constant);
      default:
        return hoisted(memory.element(node, at));
    }
  }

  /** A read, or the name of its value if the value does not change along the row. */
  function hoisted(code: string): string {
    if (!invariant) return code;
    const { variable, names } = invariant;
    const known = names.get(code);
    if (known !== undefined) return known;
    if (names.size >= maxHoisted || code.match(/[a-z]_\d+/g)?.includes(variable)) return code;
    const name = fresh("h");
    names.set(code, name);
    return name;
  }

  function compute(node: Tensor, at: Index): string {
    const pull = node.op.js.pull as NonNullable<typeof node.op.js.pull>;
    return pull(at, (k, ix) => element(node.inputs[k], ix), node, node.attrs);
  }

  function computeSingle(node: Tensor, k: number): string {
    return compute(node, Index.flat(node.shape, Affine.of(k)));
  }

  function fresh(prefix: string): string {
    return `${prefix}_${variables++}`;
  }
}
