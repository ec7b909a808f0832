import { RuntimeError } from "../../errors.js";
import { costOf, type Graph, type Port } from "../graph.js";
import { apply, nextSerial, type Op, type Tensor } from "../tensor.js";
import { closureSince, usedInputs } from "./body.js";
import { leavesOf } from "./leaves.js";
import { resultsOf } from "./result.js";

interface TimedAttributes extends Readonly<Record<string, unknown>> {
  readonly body: Graph;
}

/** The results of the body, and then the seconds. */
const timedOp: Op<TimedAttributes> = {
  name: "timed",
  infer: (_inputs, { body }) => [
    ...body.outputs.map(({ tensor: { shape, dtype } }) => ({ shape, dtype })),
    { shape: [], dtype: "float64" },
  ],
  keepResults(node, isUsed, { body }) {
    const outputs = body.outputs.filter((_, k) => isUsed(k));
    const used = usedInputs({ inputs: body.inputs, outputs });
    const isKept = (_: unknown, k: number) => used.has(k);
    const attrs = { body: { inputs: body.inputs.filter(isKept), outputs } };
    const kept = body.outputs.flatMap((_, k) => (isUsed(k) ? [k] : []));
    return { node: apply(timedOp, node.inputs.filter(isKept), attrs), kept: [...kept, body.outputs.length] };
  },
  js: {
    wholes: true,
    kernel(w, node, { body }) {
      const operands = node.inputs.map((_, k) => w.whole(k));
      const results = body.outputs.map((_, k) => w.resultAt(k));
      const begin = w.fresh("begin");
      w.line(`const ${begin}=performance.now();`);
      w.line(`${w.program(body)}([${operands}],[${results}],1);`);
      w.line(`${w.resultAt(results.length)}[0]=(performance.now()-${begin})/1e3;`);
    },
  },
  onnx: {
    emit() {
      throw new RuntimeError("ONNX cannot measure time: compile a graph with timed(..) for JavaScript.");
    },
  },
  flops: (_node, { body }) => costOf(body).flops,
  bytes: (_node, { body }) => costOf(body).bytes,
  nodes: (_node, { body }) => 1 + costOf(body).nodes,
};

/**
 * A part of a program that is timed: in JavaScript only. It has no derivative.
 *
 * @param f returns a tree of tensors
 * @returns that tree, and the seconds that its computation took
 */
export function timed<R>(f: () => R): [result: R, seconds: Tensor] {
  const start = nextSerial();
  const { tensors, rebuild } = leavesOf(f());
  const { graph, captured } = closureSince(start, tensors);
  const inputs = captured.map((_, k): Port => ({ name: `${k}`, tensor: graph.inputs[k].tensor }));
  const results = resultsOf(apply(timedOp, captured, { body: { inputs, outputs: graph.outputs } }));
  return [rebuild(results.slice(0, -1)), results[results.length - 1]];
}
