import fc from "fast-check";
import { describe, it } from "vitest";
import { dot, grad } from "../../src/graph/autodiff.js";
import { nodesOf } from "../../src/graph/graph.js";
import { add } from "../../src/graph/ops/arithmetic.js";
import { tanh } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { settings } from "./ops/op-table.js";
import { type Instruction, interpret, programs, smoothSteps } from "./random-graph.js";
import { expectEqualResults, last, traceProgram } from "./simplify-random-support.js";

describe("A random program", () => {
  it("has the same first and second derivatives simplified", () => {
    fc.assert(
      fc.property(programs(12), (program: Instruction[]) => {
        const loss = (xs: Tensor[]) =>
          last(interpret(program, xs, smoothSteps), 2)
            .map((y) => sum(tanh(y)))
            .reduce((a, b) => add(a, b));
        const derivatives = (xs: Tensor[]) => {
          const g = grad(loss)(xs);
          return [...g, ...grad((ys: Tensor[]) => dot(grad(loss)(ys), grad(loss)(ys)))(xs)];
        };
        const graph = traceProgram(derivatives);
        const onTheWay = {
          inputs: graph.inputs,
          outputs: nodesOf(graph).map((tensor, k) => ({ name: `${k}`, tensor })),
        };
        expectEqualResults(graph, onTheWay);
      }),
      settings(150),
    );
  });
});
