import { describe, expect, it } from "vitest";
import { nodesOf } from "../../../src/graph/graph.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { input } from "../../../src/graph/ops/leaf.js";
import { pad } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { joined, withPartsJoined } from "../../../src/runtime/onnx/join-parts.js";

describe("Sums of tensors in zeros, as the gradients of a tensor's parts", () => {
  const rowsOf = (count: number): Tensor[] => Array.from({ length: count }, () => input([1, 3], "float64"));
  const padded = (rows: readonly Tensor[]): Tensor[] =>
    rows.map((x, k) =>
      pad(x, [
        [k, rows.length - 1 - k],
        [0, 0],
      ]),
    );

  it("are joined where these lie side by side, in any order, and not where they overlap", () => {
    const sumOf = (...order: number[]) => {
      const rows = rowsOf(3);
      const parts = padded(rows);
      const inputs = rows.map((tensor, k) => ({ name: `${k}`, tensor }));
      const result = { name: "result", tensor: order.map((k) => parts[k]).reduce(add) };
      const { outputs } = withPartsJoined({ inputs, outputs: [result] });
      return nodesOf({ inputs, outputs }).map(({ op }) => op.name);
    };
    expect(sumOf(2, 0, 1).filter((name) => name !== "input")).toEqual(["concat"]);
    expect(sumOf(0, 1, 0)).not.toContain("concat");
  });

  it("are not looked through again with each term", () => {
    const count = 100;
    const parts = padded(rowsOf(count));
    const [first] = parts;
    const { op } = first;
    let looks = 0;
    const get = () => {
      looks++;
      return op;
    };
    Object.defineProperty(first, "op", { get });
    const sum = parts.reduce((before, part) => {
      const next = add(before, part);
      return joined(next) ?? next;
    });
    expect(sum.op.name).toBe("concat");
    expect(looks).toBeLessThan(count / 2);
  });
});
