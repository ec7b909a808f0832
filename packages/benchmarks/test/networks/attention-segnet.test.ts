import type { Tensor, TensorsOf } from "isoloss";
import {
  item,
  type NdArray,
  namedArrays,
  OptionError,
  ShapeError,
  sizeOf,
  torchGenerator,
  valueAndGrad,
} from "isoloss";
import { torchRandn, upsample2d } from "isoloss/nn";
import { add, square, sum } from "isoloss/ops";
import { evaluate, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { attentionSegnet } from "../../src/networks/attention-segnet.js";

const pixel = ({ shape, data }: NdArray, y: number, x: number): number =>
  Number(data[y * (shape.at(-1) ?? 0) + x]);

describe("SegNet with attention", () => {
  const model = attentionSegnet({ heads: { semantic: 2, depth: 1 }, channels: [2, 3] });
  const { params, state } = model.init(torchGenerator(3), { dtype: "float64" });
  type Params = TensorsOf<typeof params>;
  type State = TensorsOf<typeof state>;

  it("has gradients that difference quotients have", () => {
    const x = torchRandn(torchGenerator(1), [2, 3, 8, 8], { dtype: "float64" });
    const loss = (p: Params, from: State, images: Tensor) => {
      const { output } = model.apply(p, images, { state: from, training: true });
      return add(sum(square(output.semantic as Tensor)), sum(output.depth as Tensor));
    };
    const run = (p: typeof params) =>
      evaluate(
        (q: Params, from: State, images: Tensor) => valueAndGrad((r: Params) => loss(r, from, images))(q),
        p,
        state,
        x,
      );
    const [, gradient] = run(params) as unknown as [NdArray, typeof params];
    const gradients = namedArrays(gradient);
    const h = 1e-5;
    for (const name of ["shared.attention.depth.decoder_att.1.0.0.weight", "shared.encoder_block.0.1.bias"]) {
      const array = namedArrays(params)[name] as NdArray<Float64Array>;
      const at = (s: number) => {
        const kept = array.data[0] as number;
        array.data[0] = kept + s;
        const [value] = run(params) as unknown as [NdArray];
        array.data[0] = kept;
        return Number(value.data[0]);
      };
      const quotient = (at(h) - at(-h)) / (2 * h);
      const [exact = 0] = numbers(gradients[name] as NdArray);
      expect(Math.abs(exact - quotient)).toBeLessThan(1e-5 * (1 + Math.abs(quotient)));
    }
  });

  it("says which images and heads it takes", () => {
    const apply = (shape: number[]) => () =>
      evaluate(
        (p: Params, x: Tensor) => model.apply(p, x, { state: state as never }).output,
        params,
        float64(new Array(sizeOf(shape)).fill(0), shape),
      );
    expect(apply([1, 3, 6, 8])).toThrow(ShapeError);
    expect(apply([1, 3, 6, 8])).toThrow("with sides that 4 divides; got [1, 3, 6, 8]");
    expect(() => attentionSegnet({ heads: { depth: 0 } })).toThrow(OptionError);
  });
});

describe("upsample2d", () => {
  it("keeps the corners, and is linear between pixels", () => {
    const x = float64([0, 3, 6, 9], [1, 1, 2, 2]);
    const y = evaluate((t: Tensor) => upsample2d(t), x) as NdArray;
    const line = (a: number, b: number) => [0, 1, 2, 3].map((i) => a + ((b - a) * i) / 3);
    const [left, right] = [line(0, 6), line(3, 9)];
    expect(y.shape).toEqual([1, 1, 4, 4]);
    left.forEach((a, i) => {
      line(a, right[i] as number).forEach((value, j) => {
        expect(pixel(y, i, j)).toBeCloseTo(value, 12);
      });
    });
    expect(item(evaluate((t: Tensor) => sum(upsample2d(t)), float64([2], [1, 1, 1, 1])) as NdArray)).toBe(8);
  });
});
