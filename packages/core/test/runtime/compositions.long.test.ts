import { relativeError, roundedValues } from "isoloss-test-support/graph/ops/op-derivatives";
import { expect, it } from "vitest";
import { nodesOf } from "../../src/graph/graph.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";
import { check, graphOf, networks, valuesOf } from "./compositions-support.js";

it.each(Object.entries(networks))(
  "a random %s has the same derivatives in ONNX Runtime",
  async (_, cases) => {
    await check(cases, 10, async (network, seed) => {
      for (const [dtype, tolerance] of [
        ["float32", 2e-5],
        ["float64", 1e-10],
      ] as const) {
        const graph = graphOf(network, dtype);
        if (nodesOf(graph).some((n) => n.dtype === "float64" && n.op.onnx.float32Only)) continue;
        const exact = valuesOf(network, seed);
        const values = dtype === "float32" ? roundedValues(exact) : exact;
        const expected = compileJavaScript(graph).runSync(values);
        const executable = await compileOnnx(graph, { provider: "cpu" });
        const actual = await executable.run(values);
        await executable.dispose();
        const scale = Math.max(
          ...["value", "squared"].map((name) => Math.abs(Number(expected[name].data[0]))),
        );
        for (const { name } of graph.outputs) {
          const floor = Math.max(1e-2, scale / 10);
          expect(
            relativeError(actual[name], expected[name], floor),
            `${network.label}, ${dtype}: ${name}`,
          ).toBeLessThan(tolerance);
        }
      }
    });
  },
);
