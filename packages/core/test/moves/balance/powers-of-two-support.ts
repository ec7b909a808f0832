// Factors that are powers of 2: results do not change in a single bit.

import { randomCases } from "isoloss-test-support/random-cases";
import { randomT } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { astype, type NdArray } from "../../../src/array.js";
import { balanced } from "../../../src/entries/moves.js";
import { retype } from "../../../src/graph/retype.js";
import { simplify } from "../../../src/graph/simplify.js";
import { compile } from "../../../src/runtime/compile.js";
import type { Discovery } from "../../../src/symmetry/discovery/descriptors.js";
import { scaling } from "../../../src/symmetry/scaling.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { randomNetwork } from "../../symmetry/discovery/random-network.js";

const single = (values: Readonly<Record<string, NdArray>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, a]) => [
      name,
      a.data instanceof Float64Array ? astype(a, "float32") : a,
    ]),
  );

/** A random network whose units are badly scaled, in float32. */
export async function badlyScaled(seed: number, kind: "images" | "vectors" | "attention") {
  const { graph, found, values, data } = randomNetwork(seed, kind);
  const exact = found.scalings.filter((generator) => generator.exact);
  const start = await scaling<typeof values>(exact).act(
    values,
    randomT(
      exact.map(({ size }) => [size]),
      3,
      seed,
    ),
    {},
  );
  if (isRefusal(start)) throw new Error(start.refused);
  const batch = Object.fromEntries(Object.entries(data).map(([name, array]) => [`d.${name}`, array]));
  return { graph: simplify(retype(graph, "float32")), found, start: single(start), batch: single(batch) };
}

const moves = (found: Discovery) => found.scalings.some(({ exact }) => exact);

export const networkKinds = ["images", "vectors", "attention"] as const;

export function expectSameBits(rows: readonly (typeof networkKinds)[number][]): void {
  it.each(rows)(
    "computes the same bits in float32 on random networks of %s, by norm and by range, in both runtimes",
    async (kind) => {
      let moved = 0;
      const count = randomCases(30);
      for (let seed = 0; seed < count; seed++) {
        const { graph, found, start, batch } = await badlyScaled(seed, kind);
        if (!moves(found)) continue;
        const runs = [
          await compile(graph, { runtime: "javascript" }),
          ...(seed < count / 3 ? [await compile(graph, { runtime: "onnx" })] : []),
        ];
        for (const by of ["norm", "range"] as const) {
          const to = await balanced(start, found, { by, powersOfTwo: true });
          if (Object.keys(to).some((name) => to[name].data.some((v, i) => v !== start[name].data[i])))
            moved++;
          for (const run of runs) {
            const [before, after] = [
              await run.run({ ...start, ...batch }),
              await run.run({ ...to, ...batch }),
            ];
            expect(after.result.data, `${kind} ${seed} by ${by}`).toEqual(before.result.data);
          }
        }
        for (const run of runs) await run.dispose();
      }
      expect(moved).toBeGreaterThan((2 / 3) * count);
    },
  );
}
