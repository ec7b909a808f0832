// The sweeps of a program beside those on the host.
import { expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { trace } from "../../../src/graph/trace.js";
import { balancedScales, hasEvenPowers, scaledParams } from "../../../src/moves/balance/scales.js";
import { doublesOf, largestAway } from "../../../src/moves/balance/sweeps.js";
import { tracedScales } from "../../../src/moves/balance/traced-scales.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { randomNetwork } from "../../symmetry/discovery/random-network.js";
import { networkKinds } from "../balanced-support.js";

/** The weights of a group's first unit on the side of its bias times 1e-6. */
function withTinyUnit<V extends Readonly<Record<string, NdArray>>>(
  values: V,
  { axes, size }: ScalingGenerator,
): V {
  const bias = axes.find(({ path }) => values[path].shape.length === 1);
  const moved: Record<string, NdArray> = { ...values };
  for (const leg of axes) {
    if (!bias || leg.power !== bias.power || values[leg.path].shape.length === 1) continue;
    const data = new Float64Array(size).fill(Math.log(1e-6) / leg.power, 0, 1);
    const leading = { kind: "scaling" as const, size, exact: true, axes: [leg] };
    moved[leg.path] = scaledParams(values, [leading], [{ shape: [size], data }])[leg.path];
  }
  return moved as V;
}

const measures = ["norm", "range"] as const;

it.each(networkKinds.flatMap((kind) => measures.map((by) => [kind, by] as const)))(
  "goes where the host goes on random networks of %s, by %s",
  async (kind, by) => {
    let [settled, ofParts] = [0, 0];
    for (let seed = 0; seed < 40; seed++) {
      const { found, values: drawn } = randomNetwork(seed, kind);
      const scalings = found.scalings.filter(({ axes }) => hasEvenPowers(axes));
      if (scalings.length === 0) continue;
      const values = seed % 2 === 0 ? drawn : withTinyUnit(drawn, scalings[0]);
      const settings = { tolerance: 1e-3, most: 1000 };
      const { T, away } = balancedScales(doublesOf(values, scalings), scalings, by, settings);
      const { graph } = trace(({ p }) => tracedScales(new Map(Object.entries(p)), scalings, by, settings), {
        p: values,
      });
      const named = Object.fromEntries(Object.entries(values).map(([name, value]) => [`p.${name}`, value]));
      const executable = compileJavaScript(graph);
      const results = await executable.run(named);
      await executable.dispose();
      const isSettled = largestAway(away) <= settings.tolerance;
      expect(results.isSettled.data[0] === 1, `network ${seed}`).toBe(isSettled);
      if (!isSettled) continue;
      T.forEach(({ data }, k) => {
        const traced = results[`T.${k}`].data as Float64Array;
        data.forEach((t, i) => {
          expect(Math.abs(t - traced[i]), `network ${seed}`).toBeLessThan(1e-9);
        });
      });
      settled++;
      if (scalings.some(({ axes }) => axes.some(({ part }) => part !== undefined))) ofParts++;
    }
    expect(settled).toBeGreaterThan(30);
    expect(ofParts).toBeGreaterThan(5);
  },
);
