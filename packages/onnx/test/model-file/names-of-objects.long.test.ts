// Inputs, outputs and weights of a file named like what every object has.

import { RuntimeError } from "isoloss";
import { openFileSession } from "isoloss/internal";
import { encodeModel } from "isoloss/onnx";
import { float32, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { toHalf } from "../../src/half/to-half.js";
import { modelError } from "../../src/model-error.js";
import { sameFunction } from "../../src/model-file/compare/same-function.js";
import { pruneWeights } from "../../src/prune/prune-weights.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";

/** relu(x w) v, with names for x, its output and w. */
const named = (input: string, output: string, weight: string) =>
  encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "named",
      inputs: [{ name: input, dtype: "float32", shape: ["batch", 2] }],
      outputs: [{ name: output }],
      initializers: [
        tensorOf(weight, float32([1, 8, -2, 4], [2, 2])),
        tensorOf("v", float32([0.5, 3], [2, 1])),
      ],
      nodes: [
        node("MatMul", [input, weight], {}, ["h"]),
        node("Relu", ["h"], {}, ["r"]),
        node("MatMul", ["r", "v"], {}, [output]),
      ],
    },
  });

const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

const places = names.flatMap((name) => [
  [name, "y", "w"] as const,
  ["x", name, "w"] as const,
  ["x", "y", name] as const,
]);

describe.each(places)("a model from %s to %s with %s", (input, output, weight) => {
  const file = named(input, output, weight);
  const x = float32([1, 2, -3, 1, 2, 2, 0, 1], [4, 2]);
  const batches = [Object.fromEntries([[input, x]])];

  it.each(["javascript", "onnx"] as const)("is compared in %s", async (runtime) => {
    expect(await sameFunction(file, file, { runtime })).toMatchObject({ isSame: true, largest: 0 });
    const given = await sameFunction(file, file, { runtime, inputs: batches });
    expect(given).toMatchObject({ isSame: true, outputs: [{ name: output, shape: [4, 1] }] });
  });

  // ONNX Runtime loses an output of that name.
  const made = output === "__proto__" ? [] : ["float16 and integers"];
  it.each(made)("is pruned, and made smaller by %s", async () => {
    const pruned = await pruneWeights(file, { fraction: 0.3 });
    expect((await modelError(file, pruned.bytes, { inputs: batches })).largest).toBeLessThan(1);
    expect((await modelError(file, pruned.bytes)).largest).toBeLessThan(1);
    const half = await toHalf(file, { calibration: batches });
    expect((await modelError(file, half.bytes, { inputs: batches })).largest).toBeLessThan(1e-2);
    const { recommended } = await quantizeModel(file, { calibration: batches, heldOut: batches });
    expect(recommended.sqnr).toBeGreaterThan(20);
  });
});

it("ONNX Runtime is not asked for an output of the name __proto__, which it loses", async () => {
  const opened = openFileSession(named("x", "__proto__", "w"));
  await expect(opened).rejects.toThrow(RuntimeError);
  await expect(opened).rejects.toThrow(/an output of the name "__proto__" .*: rename it in the file/);
});
