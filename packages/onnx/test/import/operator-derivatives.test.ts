import { compileJavaScript, simplify } from "isoloss";
import { compileOnnx } from "isoloss/onnx";
import { derivativeGraph, relativeError, roundedValues } from "isoloss-test-support/graph/ops/op-derivatives";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { asOpCase, expectDifferenceQuotients, rows } from "./operator-derivatives-support.js";

const first = sampledRows(rows.filter(([, k]) => k === 1));

describe("the derivatives are those of difference quotients:", () => {
  expectDifferenceQuotients(first);
});

describe("ONNX Runtime computes the same derivatives:", () => {
  it.each(first)("%s, case %i", async (name, k, c) => {
    const { graph, values } = derivativeGraph(asOpCase(`${name}, case ${k}`, c, "float32"), "float32");
    const simple = simplify(graph);
    const rounded = roundedValues(values);
    const expected = compileJavaScript(simple).runSync(rounded);
    const executable = await compileOnnx(simple);
    const actual = await executable.run(rounded);
    await executable.dispose();
    for (const [output, value] of Object.entries(expected)) {
      expect(relativeError(actual[output], value), output).toBeLessThan(2e-5);
    }
  });
});
