// Which runtime `auto` takes for graphs of which it is clear.
import { spec, type Tensor, trace } from "isoloss";
import { roundTo } from "isoloss/ops";
import { expect, it } from "vitest";
import { chooseRuntime } from "../../src/runtime/compile.js";

/** Elements that are rounded again and again: there is little to compute, and much to store. */
const rounding = (count: number) =>
  trace(
    ({ x }) => {
      let rounded: Tensor = x;
      for (let k = 0; k < 20; k++) rounded = roundTo(rounded, k % 2 === 0 ? "float16" : "bfloat16");
      return rounded;
    },
    { x: spec([count], "float32") },
  ).graph;

it("keeps what fits into a cache in JavaScript", () => {
  expect(chooseRuntime(rounding(64))).toBe("javascript");
});

it("leaves what does not fit to ONNX Runtime", () => {
  expect(chooseRuntime(rounding(1_000_000))).toBe("onnx");
});
