import { expect, it } from "vitest";
import { scan } from "../../src/graph/control/scan.js";
import { whileLoop } from "../../src/graph/control/while.js";
import { costOf, costOfPass, type Graph } from "../../src/graph/graph.js";
import { add } from "../../src/graph/ops/arithmetic.js";
import { less } from "../../src/graph/ops/compare.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";

const n = 8;
const graphOf = (f: (x: Tensor) => Tensor): Graph =>
  trace(({ x }) => ({ y: f(x) }), { x: spec([n, n], "float64") }).graph;

it("counts all steps of a loop in the cost of a graph, and one of them in that of a pass", () => {
  const [product, addition] = [2 * n ** 3, n ** 2];
  const square = (x: Tensor) => matmul(x, x);
  const scanned = graphOf((x) => add(scan((c: Tensor) => [square(c), []], x, [], { length: 50 })[0], x));
  expect(costOf(scanned).flops).toBe(50 * product + addition);
  expect(costOfPass(scanned, "flops")).toBe(product);
  // A pass also sums and compares n^2 numbers.
  const ended = graphOf((x) => whileLoop((w) => less(sum(w), 1), square, x, { most: 100_000 }));
  expect(costOfPass(ended, "flops")).toBeGreaterThanOrEqual(product);
  expect(costOfPass(ended, "flops")).toBeLessThan(product + 4 * n ** 2);
  // Its 100,000 steps read and write no more at once.
  expect(costOfPass(ended, "bytes")).toBeLessThan(20 * 8 * n ** 2);
  const plain = graphOf((x) => add(square(x), x));
  expect(costOfPass(plain, "flops")).toBe(costOf(plain).flops);
});
