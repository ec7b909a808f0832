// The sweeps of a program beside those on the host.
import { expect, it } from "vitest";
import { trace } from "../../../src/graph/trace.js";
import { balancedScales, hasEvenPowers } from "../../../src/moves/balance/scales.js";
import { doublesOf, largestAway } from "../../../src/moves/balance/sweeps.js";
import { tracedScales } from "../../../src/moves/balance/traced-scales.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { randomNetwork } from "../../symmetry/discovery/random-network.js";
import { networkKinds } from "../balanced-support.js";

const measures = ["norm", "range"] as const;

it.each(networkKinds.flatMap((kind) => measures.map((by) => [kind, by] as const)))(
  "goes where the host goes on random networks of %s, by %s",
  async (kind, by) => {
    let [settled, ofParts] = [0, 0];
    for (let seed = 0; seed < 40; seed++) {
      const { found, values } = randomNetwork(seed, kind);
      const scalings = found.scalings.filter(({ axes }) => hasEvenPowers(axes));
      if (scalings.length === 0) continue;
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
