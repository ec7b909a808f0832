import { describe, expect, it } from "vitest";
import { type LinePoint, wolfeSearch } from "../../../src/train/line-search/wolfe.js";

type Phi = (a: number) => { readonly value: number; readonly slope: number };

/** Test functions 1 to 3 of J. Moré, D. Thuente, ACM Trans. Math. Softw. 20, 1994. */
const functions: Readonly<Record<string, Phi>> = {
  "-a / (a^2 + 2)": (a) => ({ value: -a / (a * a + 2), slope: (a * a - 2) / (a * a + 2) ** 2 }),
  "(a + 0.004)^5 - 2 (a + 0.004)^4": (a) => {
    const b = a + 0.004;
    return { value: b ** 5 - 2 * b ** 4, slope: 5 * b ** 4 - 8 * b ** 3 };
  },
  "|a - 1| rounded, with a ripple": (a) => {
    const [b, l] = [0.01, 39];
    const near = Math.abs(a - 1) <= b;
    const [base, baseSlope] = near
      ? [(a - 1) ** 2 / (2 * b) + b / 2, (a - 1) / b]
      : [Math.abs(a - 1), Math.sign(a - 1)];
    const ripple = (2 * (1 - b)) / (l * Math.PI);
    return {
      value: base + ripple * Math.sin((l * Math.PI * a) / 2),
      slope: baseSlope + (1 - b) * Math.cos((l * Math.PI * a) / 2),
    };
  },
};

describe("wolfeSearch", () => {
  for (const [name, phi] of Object.entries(functions)) {
    it.each([1e-3, 1e-1, 1e1, 1e3])(
      `meets both conditions on ${name} from a first step of %d`,
      async (first) => {
        const start = phi(0);
        // On the second, values next to the least one differ by less than rounding.
        const flat = Math.abs(start.slope) < 1e-6 ? 0.9 : 0.1;
        let count = 0;
        const evaluate = async (step: number): Promise<LinePoint> => {
          count++;
          return { step, ...phi(step) };
        };
        const found = await wolfeSearch(evaluate, start, { first, slope: flat });
        const { step = Number.NaN } = found ?? {};
        const { value, slope } = phi(step);
        expect(value).toBeLessThanOrEqual(start.value + 1e-4 * step * start.slope);
        expect(Math.abs(slope)).toBeLessThanOrEqual(flat * Math.abs(start.slope));
        expect(count).toBeLessThanOrEqual(25);
      },
    );
  }

  it("comes back from where the function is not finite", async () => {
    const phi: Phi = (a) =>
      a >= 3 ? { value: Infinity, slope: Number.NaN } : { value: (a - 2) ** 2, slope: 2 * (a - 2) };
    const found = await wolfeSearch(async (step) => ({ step, ...phi(step) }), phi(0), {
      first: 100,
      slope: 0.1,
    });
    expect(Math.abs((found?.step ?? 0) - 2)).toBeLessThan(0.2);
  });

  it("gives the lowest step it saw where evaluations run out, and none where nothing is lower", async () => {
    const falling: Phi = (a) => ({ value: -a, slope: -1 });
    const some = await wolfeSearch(async (step) => ({ step, ...falling(step) }), falling(0), {
      first: 1,
      evaluations: 3,
    });
    expect(some?.step).toBe(16);
    const rising = await wolfeSearch(
      async (step) => ({ step, value: step, slope: 1 }),
      { value: 0, slope: -1 },
      { first: 1, evaluations: 5 },
    );
    expect(rising).toBeUndefined();
  });
});
