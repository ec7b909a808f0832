import { backward } from "../autodiff.js";
import { costOf, type Graph, type Port } from "../graph.js";
import { input } from "../ops/leaf.js";
import { alias } from "../ops/stop-gradient.js";
import { apply, isFloat, type Op, type Tensor } from "../tensor.js";
import { carriedNames, closureOfStep, inlined, neededOutputs, usedInputs } from "./body.js";
import { cond } from "./cond.js";
import { scan } from "./scan.js";

/**
 * The inputs of a loop, and of its body, are the carried values, of which the last says whether there is a next
 * step, and values that stay the same. The body returns the next carried values.
 */
export interface WhileAttributes extends Readonly<Record<string, unknown>> {
  readonly body: Graph;
  readonly carries: number;
  /** Most steps. */
  readonly most: number;
}

const whileOp: Op<WhileAttributes> = {
  name: "whileLoop",
  infer: (_inputs, { body }) => body.outputs.map(({ tensor: { shape, dtype } }) => ({ shape, dtype })),
  vjps: derivatives,
  keepResults(node, isUsed, { body, carries, most }) {
    const kept = neededOutputs(body, carries, (k) => k === carries - 1 || isUsed(k));
    const outputs = body.outputs.filter((_, k) => kept.has(k));
    const used = usedInputs({ inputs: body.inputs, outputs });
    const isKept = (_: unknown, k: number) => (k < carries ? kept.has(k) : used.has(k));
    const attrs = { body: { inputs: body.inputs.filter(isKept), outputs }, carries: kept.size, most };
    return { node: apply(whileOp, node.inputs.filter(isKept), attrs), kept: [...kept] };
  },
  js: {
    wholes: true,
    kernel(w, node, { body, carries, most }) {
      const loop = w.program(body, {
        carry: carriedNames(body, carries),
        goesOn: body.inputs[carries - 1].name,
      });
      // A carried value is kept in the array of its last one.
      const results = body.outputs.map((_, k) => w.resultAt(k));
      const operands = node.inputs.map((_, k) => results[k] ?? w.whole(k));
      results.forEach((result, k) => {
        w.line(`${result}.set(${w.whole(k)});`);
      });
      w.line(`${loop}([${operands}],[],${most});`);
    },
  },
  onnx: {
    emit(e, inputs, _node, { body, carries, most }) {
      const [carried, captured] = [inputs.slice(0, carries), inputs.slice(carries)];
      const steps = e.constant({ shape: [], data: BigInt64Array.of(BigInt(most)) });
      // ONNX's Loop gives its body the number of the step and whether it goes on, and asks for the latter first.
      const own = [input([], "int64"), input([], "bool")].map(
        (tensor, k): Port => ({ name: `own.${k}`, tensor }),
      );
      const outputs = [body.outputs[carries - 1], ...body.outputs];
      const graph = { inputs: [...own, ...body.inputs], outputs };
      return e.control("Loop", [steps, carried[carries - 1], ...carried], {
        bodies: { body: { graph, own: own.length + carries, captured } },
        results: carries,
      });
    },
  },
  flops: (_node, { body, most }) => most * costOf(body).flops,
  bytes: (_node, { body, most }) => most * costOf(body).bytes,
  nodes: (_node, { body, most }) => most * costOf(body).nodes,
};

/**
 * A loop whose body computes `outputs`, the next carried values, from the symbols `inputs`; the last of both says
 * whether there is a next step.
 */
export function whileNode(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  values: readonly Tensor[],
  most: number,
): Tensor {
  const { graph, captured } = closureOfStep(inputs, outputs);
  return apply(whileOp, [...values, ...captured], { body: graph, carries: inputs.length, most });
}

/** The derivative is that of a loop of all steps, of which those after the last one keep what they got. */
function derivatives(
  cotangents: readonly (Tensor | undefined)[],
  node: Tensor,
  { body, carries, most }: WhileAttributes,
): (Tensor | undefined)[] {
  const inputs = node.inputs.map(alias);
  const same = inputs.slice(carries);
  const step = (before: readonly Tensor[]): [readonly Tensor[], []] => {
    const goesOn = before[carries - 1];
    return [
      cond(
        goesOn,
        () => inlined(body, [...before, ...same]),
        () => [...before],
      ),
      [],
    ];
  };
  const [outputs] = scan(step, inputs.slice(0, carries), [], { length: most });
  const from = outputs.filter((_, k) => cotangents[k]);
  const to = inputs.filter(({ dtype }) => isFloat(dtype));
  const grads = backward(
    from,
    cotangents.filter((bar) => bar !== undefined),
    to,
  );
  return inputs.map((x) => grads[to.indexOf(x)]);
}
