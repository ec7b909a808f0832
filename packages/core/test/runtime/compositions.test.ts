import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { ndarray } from "../../src/array.js";
import type { Values } from "../../src/runtime/executable.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { check, graphOf, networks, valuesOf } from "./compositions-support.js";

const moved = (values: Values, by: number): Values =>
  Object.fromEntries(
    Object.entries(values).map(([name, x]) => {
      const v = values[name.replace("p.", "v.")];
      const shift = (y: number | bigint, i: number) =>
        Number(y) + (name.startsWith("p.") ? by * Number(v.data[i]) : 0);
      return [name, ndarray(Float64Array.from(x.data, shift), x.shape)];
    }),
  );

const kinked = (label: string): boolean => /relu|elu|max/i.test(label) && !/gelu/.test(label);

it.each(sampledRows(Object.entries(networks)))(
  "the gradient of the squared gradient norm of a random %s is that of difference quotients",
  async (_, cases) => {
    await check(cases, 12, async (network, seed) => {
      const executable = compileJavaScript(graphOf(network, "float64"));
      const values = valuesOf(network, seed);
      // So small a step hardly meets a kink; its rounding error is 1e-9.
      const step = kinked(network.label) ? 1e-6 : 1e-5;
      const [low, here, high] = [-step, 0, step].map((h) => executable.runSync(moved(values, h)));
      for (const [scalar, slope] of [
        ["value", "slope"],
        ["squared", "secondSlope"],
      ]) {
        const quotient = (Number(high[scalar].data[0]) - Number(low[scalar].data[0])) / (2 * step);
        const scale = Math.max(1, Math.abs(quotient), Math.abs(Number(here[scalar].data[0])));
        expect(
          Math.abs(quotient - Number(here[slope].data[0])) / scale,
          `${network.label}: ${slope}`,
        ).toBeLessThan(1e-7);
      }
    });
  },
);
