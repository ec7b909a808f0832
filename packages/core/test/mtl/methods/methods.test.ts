import fc from "fast-check";
import { randomCases, sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { NumericalError, OptionError, ShapeError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { Combination, MultiTaskMethod } from "../../../src/mtl/method.js";
import { directionOf, expectNumbers, inputOf, matrix, methods, type Rows } from "./stateful-support.js";

type Method = MultiTaskMethod<unknown>;

/** Losses after the step: each a bit lower, by a factor of its own. */
const lowered = (losses: readonly number[]) => Float64Array.from(losses, (l, k) => l * (1 - 0.1 / (k + 1)));

/** Three steps with all the calls that a trainer makes; an epoch ends after each. */
function train(
  method: Method,
  steps: readonly { losses: readonly number[]; rows: Rows }[],
  state: unknown = method.init(steps[0].losses.length),
  from = 0,
): { combinations: Combination<unknown>[]; directions: number[][]; state: unknown } {
  const combinations: Combination<unknown>[] = [];
  const directions: number[][] = [];
  let now = state;
  steps.forEach(({ losses, rows }, t) => {
    const input = inputOf(losses, rows, { step: from + t, epoch: from + t, rng: createRng(from + t) });
    const combination = method.combine(input, now);
    combinations.push(combination);
    directions.push(directionOf(rows, combination));
    now = combination.state;
    now = method.afterStep?.(lowered(losses), input, now) ?? now;
    now = method.endEpoch?.(Float64Array.from(losses), now) ?? now;
  });
  return { combinations, directions, state: now };
}

const threeSteps = [0, 1, 2].map((t) => ({
  losses: [2 - 0.3 * t, 0.5 + 0.1 * t, 1.25],
  rows: [
    [1, 2 - t, -1],
    [-2, 1, 0.5 * t],
    [0.5, -1.5, 3],
  ],
}));

/** JSON and back, with Float64Arrays as marked lists: what a checkpoint does. */
function throughJson(state: unknown): unknown {
  const text = JSON.stringify(state, (_, v) => (v instanceof Float64Array ? { float64: [...v] } : v));
  return JSON.parse(text, (_, v) => (v?.float64 ? Float64Array.from(v.float64) : v));
}

/** J [K, 3] with zero rows and rows of very different sizes. */
const anyRows = (tasks: number) =>
  fc.array(
    fc
      .tuple(
        fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: -10, max: 10 }),
      )
      .map(([row, exponent]) => row.map((x) => x * 10 ** exponent)),
    { minLength: tasks, maxLength: tasks },
  );

const anySteps = fc.integer({ min: 1, max: 5 }).chain((tasks) =>
  fc.array(
    fc.record({
      losses: fc.array(fc.constantFrom(0, 1e-10, 0.3, 1, 7, 1e10), { minLength: tasks, maxLength: tasks }),
      rows: anyRows(tasks),
    }),
    { minLength: 3, maxLength: 3 },
  ),
);

/** Every number in a state. */
function numbersIn(state: unknown): number[] {
  if (typeof state === "number") return [state];
  if (state instanceof Float64Array) return [...state];
  return typeof state === "object" && state !== null ? Object.values(state).flatMap(numbersIn) : [];
}

/** A test for the methods that it is about. */
const itIf = (condition: unknown) => (condition ? it : () => {});

describe.each(sampledRows(methods).map((m) => [m.method.name, m] as const))(
  "%s",
  (name, { method, random, positive }) => {
    it("gives finite directions and states for zero rows, zero losses and sizes from 1e-10 to 1e10", () => {
      fc.assert(
        fc.property(anySteps, (steps) => {
          const { directions, state } = train(method, steps);
          expect(directions.flat().every(Number.isFinite)).toBe(true);
          expect(numbersIn(state).every(Number.isFinite)).toBe(true);
        }),
        { numRuns: randomCases(300) },
      );
    });

    it("gives numbers or says why not for any finite input", () => {
      const exponent = fc.integer({ min: -320, max: 308 });
      const number = fc.tuple(fc.integer({ min: -1, max: 1 }), exponent).map(([x, e]) => x * 10 ** e);
      const three = fc.tuple(number, number, number);
      const step = fc.record({
        losses: three.map((losses) => losses.map(Math.abs)),
        rows: fc.tuple(three, three, three),
      });
      fc.assert(
        fc.property(fc.tuple(step, step), (steps) => {
          let state = method.init(3);
          try {
            for (const { losses, rows } of steps) {
              const combination = method.combine(inputOf(losses, rows), state);
              state = combination.state;
              state = method.afterStep?.(lowered(losses), inputOf(losses, rows), state) ?? state;
              const values = combination.weights ?? combination.direction ?? [NaN];
              expect([...values].every(Number.isFinite)).toBe(true);
            }
          } catch (error) {
            if (!(error instanceof NumericalError)) throw error;
          }
          expect(numbersIn(state).some(Number.isNaN)).toBe(false);
        }),
        { numRuns: randomCases(500) },
      );
    });

    it("goes on from a saved state as if it had not been saved", () => {
      const { state } = train(method, threeSteps.slice(0, 2));
      const [{ combination: expected }, ...saved] = [state, structuredClone(state), throughJson(state)].map(
        (from) => {
          const { combinations, state: after } = train(method, threeSteps.slice(2), from, 2);
          return { combination: combinations[0], after };
        },
      );
      for (const { combination } of saved) expect(combination).toEqual(expected);
    });

    it("leaves the state that it is given as it was", () => {
      const { state } = train(method, threeSteps.slice(0, 2));
      const before = structuredClone(state);
      train(method, threeSteps, state);
      expect(state).toEqual(before);
    });

    it("gives a single task its own gradient times a positive number", () => {
      const steps = [1, 2, 3].map((t) => ({ losses: [2 / t], rows: [[3, -4 * t, 12]] }));
      const { directions } = train(method, steps);
      directions.forEach((direction, t) => {
        const [row] = steps[t].rows;
        // A running mean of different gradients is none of them.
        if (["db-mtl", "moco"].includes(name) && t > 0) return;
        const factor = direction[0] / row[0];
        expect(factor).toBeGreaterThan(0);
        expectNumbers(
          direction,
          row.map((x) => factor * x),
          1e-10,
        );
      });
    });

    it("gives direction 0 when all gradients are zero", () => {
      const zero = threeSteps.map(({ losses, rows }) => ({
        losses,
        rows: rows.map((row) => row.map(() => 0)),
      }));
      expect(train(method, zero).directions.flat().map(Math.abs)).toEqual(new Array(9).fill(0));
    });

    itIf(!random)("does not depend on the order of the tasks", () => {
      const turn = <T>([first, ...rest]: readonly T[]): T[] => [...rest, first];
      const turned = threeSteps.map(({ losses, rows }) => ({ losses: turn(losses), rows: turn(rows) }));
      // The losses after the step must move with their tasks.
      const plain = { ...method, afterStep: undefined };
      const [a, b] = [train(plain, threeSteps), train(plain, turned)];
      a.directions.forEach((d, t) => {
        expectNumbers(b.directions[t], Float64Array.from(d), 1e-9);
        const weights = a.combinations[t].weights;
        if (weights) expectNumbers(b.combinations[t].weights, Float64Array.from(turn([...weights])), 1e-9);
      });
    });

    it("names the task whose loss is not a number", () => {
      const input = inputOf([1, NaN, 1], threeSteps[0].rows);
      expect(() => method.combine(input, method.init(3))).toThrow(NumericalError);
      expect(() => method.combine(input, method.init(3))).toThrow(`${name}: the loss of task 1 is NaN`);
      if (method.afterStep) {
        const fine = inputOf([1, 1, 1], threeSteps[0].rows);
        const bad = Float64Array.of(1, 1, Infinity);
        expect(() => method.afterStep?.(bad, fine, method.init(3))).toThrow("task 2 is Infinity");
      }
      if (method.endEpoch) {
        expect(() => method.endEpoch?.(Float64Array.of(NaN, 1, 1), method.init(3))).toThrow("task 0 is NaN");
      }
    });

    itIf(method.needs !== "losses")("names the task whose gradient is not a number", () => {
      const rows = [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, NaN],
      ];
      expect(() => method.combine(inputOf([1, 1, 1], rows), method.init(3))).toThrow(NumericalError);
      expect(() => method.combine(inputOf([1, 1, 1], rows), method.init(3))).toThrow(/tasks? (2|0 and 2)/);
    });

    itIf(method.needs !== "losses")("says which matrix it lacks, or that it is of another size", () => {
      const { gramian, jacobian, ...rest } = inputOf([1, 1, 1], threeSteps[0].rows);
      expect(() => method.combine(rest, method.init(3))).toThrow(ShapeError);
      expect(() => method.combine(rest, method.init(3))).toThrow(`needs the ${method.needs}`);
      const short = { ...rest, gramian: matrix([[1]]), jacobian: matrix([[1, 2, 3]]) };
      expect(() => method.combine(short, method.init(3))).toThrow("of 3 losses; got one of shape [1, ");
    });

    itIf(positive)("names the task whose loss is negative", () => {
      const input = inputOf([1, 1, -0.5], threeSteps[0].rows);
      expect(() => method.combine(input, method.init(3))).toThrow(NumericalError);
      expect(() => method.combine(input, method.init(3))).toThrow(/task 2 (is|has loss) -0.5/);
    });

    itIf(!positive)("takes negative losses", () => {
      const steps = threeSteps.map(({ losses, rows }) => ({ losses: losses.map((l) => l - 1), rows }));
      expect(train(method, steps).directions.flat().every(Number.isFinite)).toBe(true);
    });

    it("rejects a number of tasks that is none", () => {
      expect(() => method.init(0)).toThrow(OptionError);
      expect(() => method.init(1.5)).toThrow("an integer >= 1; got 1.5");
    });
  },
);
