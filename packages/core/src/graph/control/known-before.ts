import { bodiesOf, nodesOf } from "../graph.js";
import { attributesText } from "../graph-text.js";
import { where } from "../ops/compare.js";
import { input } from "../ops/leaf.js";
import type { Port, Tensor } from "../tensor.js";
import { inlined, nodesOfStep } from "./body.js";
import type { CondAttributes } from "./cond.js";
import { isResult } from "./result.js";
import { type WhileAttributes, whileNode } from "./while-op.js";

/** From so many operations an element on it is cheaper to carry a value than to compute it again. */
const costly = 32;

/** What a value of a step is in the next one if a condition holds; else it stays the same. */
interface Following {
  readonly next: Tensor;
  readonly when: Tensor;
}

/**
 * A loop that carries f(x), where its step computes f(x) of a carried x and f(a), and x becomes `cond(c, () => a, () => x)`: the step
 * before knew f(x). A search has such an f, where a product is needed at a candidate, and again to go on from there.
 */
export function knownFromBefore(node: Tensor): Tensor | undefined {
  const { body, carries, most } = node.attrs as WhileAttributes;
  const symbols = body.inputs.slice(0, carries).map(({ tensor }) => tensor);
  const results = body.outputs.map(({ tensor }) => tensor);
  const following = new Map<Tensor, Following>();
  symbols.forEach((x, k) => {
    const found = followingOf(x, results[k]);
    if (found) following.set(x, found);
  });
  const nodes = nodesOf(body).filter((x) => x.inputs.length > 0 && bodiesOf(x).length === 0);
  const numbers = new Map<Tensor, number>();
  const numberOf = (x: Tensor): number => numbers.get(x) ?? numbers.set(x, numbers.size).size - 1;
  const textOf = ({ op, attrs }: Tensor, inputs: readonly Tensor[]) =>
    `${op.name}(${inputs.map(numberOf)})${attributesText(attrs, String, String)}`;
  const made = new Map(nodes.map((x) => [textOf(x, x.inputs), x]));
  const changing = new Set([...symbols, ...nodesOfStep(symbols, results)]);
  for (const x of nodes) {
    const parts = x.inputs.filter((y) => changing.has(y)).map((y) => following.get(y));
    const when = parts[0]?.when;
    if (!when || parts.some((part) => part?.when !== when)) continue;
    const next = made.get(
      textOf(
        x,
        x.inputs.map((y) => following.get(y)?.next ?? y),
      ),
    );
    if (next) following.set(x, { next, when });
  }
  const known = nodes.filter((x) => following.has(x) && (x.op.flops?.(x, x.attrs) ?? 0) >= costly * x.size);
  if (known.length === 0) return undefined;
  const inputs = known.map(({ shape, dtype }) => input(shape, dtype));
  const ports = known.map((tensor): Port => ({ name: "", tensor }));
  const after = known.map((x) => {
    const { next, when } = following.get(x) as Following;
    return where(when, next, x);
  });
  const outputs = inlined(
    {
      inputs: [...body.inputs, ...ports],
      outputs: [...body.outputs, ...after.map((tensor) => ({ name: "", tensor }))],
    },
    [...symbols, ...node.inputs.slice(carries), ...inputs],
  );
  const start = inlined({ inputs: body.inputs, outputs: ports }, node.inputs);
  const last = carries - 1;
  return whileNode(
    [...symbols.slice(0, last), ...inputs, symbols[last]],
    [...outputs.slice(0, last), ...outputs.slice(carries), outputs[last]],
    [...node.inputs.slice(0, last), ...start, node.inputs[last]],
    most,
  );
}

/** For `cond(c, () => a, () => x)`: a, if c. */
function followingOf(x: Tensor, after: Tensor): Following | undefined {
  if (!isResult(after) || after.inputs[0].op.name !== "cond") return undefined;
  const [{ inputs, attrs }] = after.inputs;
  const { whenTrue, whenFalse } = attrs as CondAttributes;
  const [next, other] = [whenTrue, whenFalse].map((branch) => {
    const { tensor } = branch.outputs[after.attrs.index];
    return inputs[1 + branch.inputs.findIndex((port) => port.tensor === tensor)];
  });
  return other === x && next !== inputs[0] ? { next, when: inputs[0] } : undefined;
}
