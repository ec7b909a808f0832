import { NumericalError } from "isoloss";
import { createRng } from "isoloss/data";
import { type OnnxTensor, toBfloat16Bits, toFloat16Bits } from "isoloss/internal";
import { encodeModel } from "isoloss/onnx";
import { float32, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { toHalf } from "../../src/half/to-half.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { sameFunction } from "../../src/model-file/compare/same-function.js";
import { withParams } from "../../src/model-file/edit/with-params.js";

/** sigmoid((x u) v + offset - less), near 0 everywhere: its float32 is off by 1e-7 of 1, not of itself. */
const nearZero = (u: readonly number[], v: readonly number[], offset = -14, less = 0, of = float32) =>
  encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "near zero",
      inputs: [
        {
          name: "x",
          dtype: of([0]).data instanceof Float64Array ? "float64" : "float32",
          shape: ["batch", 2],
        },
      ],
      outputs: [{ name: "y" }],
      initializers: [
        tensorOf("u", of(u, [2, 2])),
        tensorOf("v", of(v, [2, 1])),
        tensorOf("offset", of([offset], [1])),
        tensorOf("less", of([less], [1])),
      ],
      nodes: [
        node("MatMul", ["x", "u"], {}, ["h"]),
        node("MatMul", ["h", "v"], {}, ["g"]),
        node("Add", ["g", "offset"], {}, ["a"]),
        node("Sub", ["a", "less"], {}, ["b"]),
        node("Sigmoid", ["b"], {}, ["y"]),
      ],
    },
  });

const before = nearZero([0.3, -0.7, 1.1, 0.2], [0.9, -0.4]);
/** Hidden units divided by 3 and 7, whose next weights are multiplied by them. */
const scaled = nearZero([0.3 / 3, -0.7 / 7, 1.1 / 3, 0.2 / 7], [0.9 * 3, -0.4 * 7]);
const onnx = { runtime: "onnx", examples: 64 } as const;

describe("whether two files compute the same", () => {
  it("takes rounding for rounding, where an output is small beside what it is computed from", async () => {
    const { largest } = await compareModels(before, scaled, onnx);
    expect(largest).toBeGreaterThan(1e-4);
    const comparison = await sameFunction(before, scaled, onnx);
    expect(comparison).toMatchObject({ isSame: true, largest });
    // The weights of a file are float32 all the same.
    expect(comparison.inFloat64?.largest).toBeLessThan(1e-6);
    expect(comparison.inFloat64?.rounding).toBeGreaterThan(1e-3);
  });

  it("does not take a change for rounding, however small outputs are", async () => {
    const changed = nearZero([0.3, -0.7, 1.1, 0.2], [0.909, -0.4]);
    const { isSame, inFloat64 } = await sameFunction(before, changed, onnx);
    expect(isSame).toBe(false);
    expect(inFloat64?.largest).toBeGreaterThan(1e-3);
  });

  it("compares in float64 what differs most in float32, wherever it is among the batches", async () => {
    // They differ by the second input alone.
    const offset = nearZero([0, 0, 0, 0], [0, 0], 0);
    const reacting = nearZero([0, 0, 1, 0], [1, 0], 0);
    const inputs = [0, 0, 3].map((value) => ({ x: float32([1, value], [1, 2]) }));
    const { isSame, largest, inFloat64 } = await sameFunction(offset, reacting, { inputs });
    expect(isSame).toBe(false);
    expect(largest).toBeGreaterThan(0.5);
    expect(inFloat64?.largest).toBeCloseTo(largest, 5);
    expect(inFloat64?.batches).toBe(1);
  });

  it("compares in float64 every batch that float32 alone does not clear", async () => {
    const random = createRng(1);
    const inputs = Array.from({ length: 3 }, () => ({
      x: float32(
        Array.from({ length: 64 }, () => random.normal()),
        [32, 2],
      ),
    }));
    const { isSame, inFloat64 } = await sameFunction(before, scaled, { runtime: "onnx", inputs });
    expect(isSame).toBe(true);
    expect(inFloat64?.batches).toBeGreaterThan(1);
    // Where the worst batch differs in float64, too, no other is compared.
    const changed = nearZero([0.3, -0.7, 1.1, 0.2], [0.909, -0.4]);
    const other = await sameFunction(before, changed, { runtime: "onnx", inputs });
    expect(other).toMatchObject({ isSame: false, inFloat64: { batches: 1 } });
  });

  it("does not excuse rounding that the file before does not have", async () => {
    // About 2^27 is added and subtracted: the same in float64, and in float32 the steps there are of 8.
    const cancelling = nearZero([0.3, -0.7, 1.1, 0.2], [0.9, -0.4], 2 ** 27 - 16, 2 ** 27);
    const even = nearZero([0.3, -0.7, 1.1, 0.2], [0.9, -0.4], 0, 16);
    const { isSame, largest, inFloat64 } = await sameFunction(even, cancelling, onnx);
    expect(inFloat64?.largest).toBeLessThan(1e-3);
    expect(largest).toBeGreaterThan(10 * (inFloat64?.rounding as number));
    expect(isSame).toBe(false);
  });

  it("compares files of different float types in the first one's", async () => {
    const double = nearZero([0.3, -0.7, 1.1, 0.2], [0.909, -0.4], -14, 0, float64);
    const { largest } = await compareModels(before, double, { examples: 64 });
    expect(await sameFunction(before, double, { examples: 64 })).toMatchObject({ isSame: false, largest });
  });

  it("measures nothing twice within the tolerance, and believes what is infinite", async () => {
    expect(await sameFunction(before, scaled, { ...onnx, tolerance: 1 })).not.toHaveProperty("inFloat64");
    const broken = nearZero([0.3, -0.7, 1.1, 0.2], [Number.NaN, -0.4]);
    expect(await sameFunction(before, broken, onnx)).toMatchObject({ isSame: false, largest: Infinity });
  });

  it("refuses to judge an output without a finite number, and takes equal NaN beside finite numbers", async () => {
    const [broken, other] = [0.4, 5].map((v) => nearZero([0.3, -0.7, 1.1, 0.2], [Number.NaN, v]));
    expect((await compareModels(broken, other, onnx)).outputs).toMatchObject([
      { name: "y", absolute: Number.NaN, relative: Number.NaN },
    ]);
    const refused = sameFunction(broken, other, onnx);
    await expect(refused).rejects.toThrow(NumericalError);
    await expect(refused).rejects.toThrow(
      /in both models the output "y" is NaN or infinite everywhere\. Compare them on inputs/,
    );
    const x = float32([Number.NaN, 1, 2, 3], [2, 2]);
    expect(await sameFunction(before, before, { ...onnx, inputs: { x } })).toMatchObject({
      isSame: true,
      largest: 0,
      outputs: [{ name: "y", numbers: 2, nan: 1 }],
    });
  });

  it("allows what weights are rounded by where the file has them in float16 or bfloat16", async () => {
    const random = createRng(3);
    const numbers = (count: number) => Array.from({ length: count }, () => random.normal());
    const [w, v] = [numbers(32), numbers(16)];
    /** (x w) v with w divided by 3 and v multiplied by it, both rounded. */
    const network = (dtype: "float16" | "bfloat16", bits: (x: number) => number, factor: number) => {
      const stored = (name: string, own: readonly number[], shape: readonly number[]) =>
        ({ name, dtype, shape, data: Uint16Array.from(own, bits) }) as OnnxTensor;
      return encodeModel({
        irVersion: 8,
        opsets: [{ domain: "", version: 18 }],
        producer: "test",
        metadata: {},
        graph: {
          name: "coarse",
          inputs: [{ name: "x", dtype, shape: ["batch", 2] }],
          outputs: [{ name: "y" }],
          initializers: [
            stored(
              "w",
              w.map((x) => x / factor),
              [2, 16],
            ),
            stored(
              "v",
              v.map((x) => x * factor),
              [16, 1],
            ),
          ],
          nodes: [node("MatMul", ["x", "w"], {}, ["h"]), node("MatMul", ["h", "v"], {}, ["y"])],
        },
      });
    };
    for (const [dtype, bits, tolerance] of [
      ["float16", toFloat16Bits, 10 * 2 ** -11],
      ["bfloat16", toBfloat16Bits, 10 * 2 ** -8],
    ] as const) {
      const [one, third, tenth] = [1, 3, 1.1].map((factor) => network(dtype, bits, factor));
      const same = await sameFunction(one, third, { examples: 64 });
      expect(same).toMatchObject({ isSame: true, tolerance });
      expect(same.largest).toBeGreaterThan(1e-4);
      expect((await sameFunction(one, third, { examples: 64, tolerance: 1e-4 })).isSame).toBe(false);
      expect(await sameFunction(one, withParams(tenth, { w: float32(w, [2, 16]) }))).toMatchObject({
        isSame: false,
        tolerance,
      });
    }
    expect((await sameFunction(before, before)).tolerance).toBe(1e-4);
  });

  it("allows what the coarser of both files is rounded by, in either order", async () => {
    const { bytes: half } = await toHalf(before);
    for (const [a, b] of [
      [before, half],
      [half, before],
    ]) {
      expect((await sameFunction(a, b)).tolerance).toBe(10 * 2 ** -11);
    }
  });
});
