import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, it } from "vitest";
import type { Tensor } from "../../src/graph/tensor.js";
import { settings } from "./ops/op-table.js";
import { allSteps, type Instruction, interpret, programs } from "./random-graph.js";
import { expectEqualResults, last, traceProgram } from "./simplify-random-support.js";

describe("A random program", () => {
  it("gives the same simplified, and is simple then", () => {
    fc.assert(
      fc.property(programs(24), (program: Instruction[]) => {
        const all = (xs: Tensor[]) => interpret(program, xs, allSteps);
        expectEqualResults(
          traceProgram((xs) => last(all(xs), 3)),
          traceProgram(all),
        );
      }),
      settings(randomCases(400)),
    );
  });
});
