import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { type Criterion, walkGuarded } from "../../src/teleport/guarded-walk.js";

interface Place {
  readonly x: NdArray;
}

const at = (x: number): Place => ({ x: array([x], "float64") });
const numberOf = ({ x }: Place): number => Number(x.data[0]);

/** Points of a line, which may not lie beyond `most`. */
const criterion = (most: number, halvings = 3): Criterion<Place, number> => ({
  measure: async (place) => numberOf(place),
  objection: (_, __, after) => (after > most ? `${after} is beyond ${most}` : undefined),
  halvings,
});

/** Steps of `size` from 0 on, times the scale. */
function strides(size: number) {
  let here = 0;
  let next = 0;
  const asked: number[] = [];
  return {
    asked,
    async propose(scale: number) {
      asked.push(scale);
      next = here + scale * size;
      return at(next);
    },
    accept() {
      here = next;
    },
  };
}

const start = at(0);
const from = { params: start, point: 0 };

describe("a guarded walk", () => {
  it("halves what is refused, and goes on from what is taken", async () => {
    const proposals = strides(8);
    const walked = await walkGuarded(proposals, criterion(5), { start: 0, from, steps: 2 });
    // 8 is too far, 4 is taken; 8 again, 6 again, 5 is taken.
    expect(proposals.asked).toEqual([1, 0.5, 0.5, 0.25, 0.125]);
    expect(walked).toMatchObject({ point: 5, steps: 2, halvings: 3, scale: 0.125, reason: "2 steps taken" });
    expect(numberOf(walked.params)).toBe(5);
  });

  it("returns the very parameters that it was given where nothing is taken, with the last refused point", async () => {
    const walked = await walkGuarded(strides(8), criterion(0.1, 2), { start: 0, from, steps: 1 });
    expect(walked.params).toBe(start);
    expect(walked).toMatchObject({ point: 0, steps: 0, halvings: 2, refused: 2, reason: "2 is beyond 0.1" });
  });

  it("measures no parameters that are not finite", async () => {
    const measured: number[] = [];
    const walked = await walkGuarded(
      { propose: async () => at(Number.NaN) },
      {
        ...criterion(1),
        async measure(place) {
          measured.push(numberOf(place));
          return 0;
        },
      },
      { start: 0, from, steps: 1 },
    );
    expect(measured).toEqual([]);
    expect(walked).toMatchObject({
      steps: 0,
      halvings: 3,
      reason: "a parameter of the new point is not finite",
    });
    expect(walked).not.toHaveProperty("refused");
  });

  it("ends where proposals stop, and says why the last one was refused if it was", async () => {
    const stops = { propose: async (scale: number) => (scale < 1 ? { stopped: "too short" } : at(9)) };
    expect(await walkGuarded(stops, criterion(1), { start: 0, from, steps: 1 })).toMatchObject({
      reason: "9 is beyond 1",
      halvings: 1,
    });
    const stopped = { propose: async () => ({ stopped: "at the top" }) };
    expect(
      await walkGuarded<Place, number>(stopped, criterion(1), { start: 0, from, steps: 1 }),
    ).toMatchObject({
      reason: "at the top",
      halvings: 0,
      steps: 0,
    });
  });

  it("halves a proposal that refuses itself", async () => {
    const shy = { propose: async (scale: number) => (scale > 0.5 ? { refused: "singular" } : at(scale)) };
    expect(await walkGuarded(shy, criterion(1), { start: 0, from, steps: 1 })).toMatchObject({
      steps: 1,
      halvings: 1,
      point: 0.5,
    });
    const never = { propose: async () => ({ refused: "singular" }) };
    expect(await walkGuarded<Place, number>(never, criterion(1), { start: 0, from, steps: 1 })).toMatchObject(
      {
        steps: 0,
        halvings: 3,
        reason: "singular",
      },
    );
  });
});
