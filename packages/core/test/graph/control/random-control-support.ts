// Random programs with loops and branches inside each other against the same programs written out, in values, first and
// second derivatives, and both runtimes.
import fc from "fast-check";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { randomCases } from "isoloss-test-support/random-cases";
import { it } from "vitest";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { sin } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { asOperations, type Control, program, runProgram, writtenOut } from "./random-programs.js";
import { expectSame } from "./support.js";

const valuesOf = (n: number) => ({
  a: uniform(1, [n]),
  b: uniform(2, [n]),
  w: uniform(3, [n, n], -0.8, 0.8),
});

/** Generated code keeps up to 8 elements in variables of its own, more in memory. */
const sizes = fc.constantFrom(2, 9);

interface Args {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly w: Tensor;
}

export const depths = [
  { depth: 1, numRuns: 40 },
  { depth: 2, numRuns: 20 },
];

export function expectSameAsWrittenOut(rows: typeof depths): void {
  it.each(rows)("compute what they compute written out: depth $depth", async ({ depth, numRuns }) => {
    await fc.assert(
      fc.asyncProperty(program(depth), sizes, async (random, n) => {
        const traced = (control: Control) => (args: Args) => {
          const [x, y] = runProgram(random, [args.a, args.b], args.w, control);
          return { x, y };
        };
        const loss = ({ x, y }: { x: Tensor; y: Tensor }) => add(sum(sin(x)), sum(mul(x, y)));
        await expectSame(traced(asOperations), traced(writtenOut), loss, valuesOf(n));
      }),
      { numRuns: randomCases(numRuns), seed: 20 },
    );
  });
}
