import { rotated } from "isoloss/moves";
import { orthogonal } from "isoloss/symmetry";
import { architectures } from "isoloss-test-support/model-file/transformer";
import { expectKept, type Values } from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { studied } from "./architectures-support.js";

it.each(Object.keys(architectures))(
  "everything that is found in %s keeps the function in float64",
  async (name) => {
    const s = studied(name);
    const { found, values, evaluate } = s;
    expectKept(s);
    if (found.orthogonal.length === 0) return;
    const symmetry = orthogonal<Values>(found.orthogonal);
    const turned = await symmetry.act(values, randomT(symmetry.algebra, 3, 1), {});
    expect(turned).not.toEqual(values);
    expect(relative(evaluate(values), evaluate(turned as Values))).toBeLessThan(1e-10);
    for (const by of ["hadamard", "descended"] as const) {
      expect(relative(evaluate(values), evaluate(rotated(values, found, { by, steps: 5 })))).toBeLessThan(
        1e-9,
      );
    }
  },
);
