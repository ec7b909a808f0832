import type { Tensor } from "isoloss";
import { concat, expandDims, reshape, scan, transpose } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import type { Value } from "../../value.js";
import { along, picked, range } from "../axes.js";
import { tensorsOf } from "./branches.js";

/** The same tensor with another axis first. */
function withFirst(x: Tensor, axis: number): Tensor {
  return transpose(x, [axis, ...range(x.rank).filter((d) => d !== axis)]);
}

/** The same tensor with its first axis at another place. */
function withFirstAt(x: Tensor, axis: number): Tensor {
  const rest = range(x.rank).slice(1);
  return transpose(x, [...rest.slice(0, axis), 0, ...rest.slice(axis)]);
}

const reversed = (x: Tensor): Tensor => picked(x, 0, range(x.shape[0]).reverse());

/** Since operator set 9. */
function scanned(call: Call, operands: readonly Value[]): Value[] {
  const graph = call.graph("body");
  const count = call.int("num_scan_inputs", 0);
  const [initial, sequences] = [operands.slice(0, -count), operands.slice(-count)];
  const stacks = graph.outputs.length - initial.length;
  const numbers = (name: string, length: number) => call.ints(name) ?? Array<number>(length).fill(0);
  const axes = numbers("scan_input_axes", count).map((a, k) => (a < 0 ? a + sequences[k].tensor.rank : a));
  const isBackward = [
    ...(call.ints("scan_input_directions") ?? call.ints("directions") ?? numbers("", count)),
    ...numbers("scan_output_directions", stacks),
  ];
  // All backward is a loop from the end; otherwise the sequences that go the other way are turned around.
  const reverse = isBackward.every((b) => b === 1);
  const turned = (x: Tensor, k: number) => (isBackward[k] === 1 && !reverse ? reversed(x) : x);
  let kinds: readonly Value["kind"][] = [];
  const [last, ys] = scan(
    (carry: readonly Tensor[], elements: readonly Tensor[]): [Tensor[], Tensor[]] => {
      const inputs = [...carry, ...elements].map((tensor, k): Value => ({ tensor, kind: operands[k].kind }));
      const results = tensorsOf(call, call.subgraph(graph, inputs));
      kinds = results.map(({ kind }) => kind);
      const tensors = results.map(({ tensor }) => tensor);
      return [tensors.slice(0, carry.length), tensors.slice(carry.length)];
    },
    initial.map(({ tensor }) => tensor),
    sequences.map(({ tensor }, k) => turned(withFirst(tensor, axes[k]), k)),
    { reverse },
  );
  const outputAxes = numbers("scan_output_axes", stacks);
  const placed = ys.map((y, k) => {
    const axis = outputAxes[k] < 0 ? outputAxes[k] + y.rank : outputAxes[k];
    return withFirstAt(turned(y, count + k), axis);
  });
  return [...last, ...placed].map((tensor, k) => ({ tensor, kind: kinds[k] }));
}

/** Operator set 8: the examples of a batch, which is the first axis, one after the other. */
function scannedBatch(call: Call): Value[] {
  if (call.has(0)) return call.fail("sequences of different lengths are not supported");
  const operands = range(call.operands.length)
    .slice(1)
    .map((k) => call.operand(k));
  const rows = range(operands[0].tensor.shape[0]).map((b) =>
    scanned(
      call,
      operands.map(({ tensor, kind }) => ({
        tensor: reshape(along(tensor, 0, b, b + 1), tensor.shape.slice(1)),
        kind,
      })),
    ),
  );
  return rows[0].map(({ kind }, k) => ({
    tensor: concat(
      rows.map((row) => expandDims(row[k].tensor, 0)),
      { axis: 0 },
    ),
    kind,
  }));
}

export const scans: Readonly<Record<string, Operator>> = {
  Scan: (call) =>
    call.opset < 9
      ? scannedBatch(call)
      : scanned(
          call,
          range(call.operands.length).map((k) => call.operand(k)),
        ),
};
