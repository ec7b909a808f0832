import { astype, type NdArray } from "isoloss";
import { float, int } from "isoloss/internal";
import { distinct, uniform } from "isoloss-test-support/graph/ops/op-case";
import { float32 } from "isoloss-test-support/nn/onnx/support";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { type Case, given, withFile } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const drawn = (seed: number, shape: readonly number[], low = -2, high = 2) =>
  single(uniform(seed, shape, low, high));
const x = drawn(1, [2, 3, 4]);
const image = single(distinct(5, [2, 4, 7, 6])[0]);
const sequence = single(distinct(6, [2, 4, 9])[0]);
const [scale, shift, center, spread] = [7, 8, 9, 20].map((seed) => drawn(seed, [4], 0.5, 2));

/** Also the further results. */
const all = (c: Case, ...more: string[]): Case => ({ ...c, node: { ...c.node, outputs: ["y", ...more] } });

export const normCases: Readonly<Record<string, readonly Case[]>> = {
  BatchNormalization: [
    withFile("BatchNormalization", image, [scale, shift, center, spread], { epsilon: float(0.25) }),
    given("BatchNormalization", [sequence, scale, shift, center, spread]),
  ],
  Dropout: [
    given("Dropout", [x]),
    all(withFile("Dropout", x, [float32([0.5], [])]), "z"),
    all(withFile("Dropout", x, [float32([0], []), { shape: [], data: Uint8Array.of(1) }]), "z"),
    given("Dropout", [x], { ratio: float(0.3) }, 10),
  ],
  GroupNormalization: [
    { ...withFile("GroupNormalization", image, [scale, shift], { num_groups: int(2) }), opset: 21 },
    given("GroupNormalization", [image, drawn(21, [2]), drawn(22, [2])], { num_groups: int(2) }, 18),
  ],
  InstanceNormalization: [given("InstanceNormalization", [image, scale, shift], { epsilon: float(0.1) })],
  LayerNormalization: [
    all(
      given("LayerNormalization", [x, drawn(50, [3, 4]), drawn(51, [3, 4])], {
        axis: int(1),
        epsilon: float(0.1),
      }),
      "mean",
      "inverse",
    ),
    withFile("LayerNormalization", x, [drawn(50, [4])]),
  ],
  MeanVarianceNormalization: [
    given("MeanVarianceNormalization", [image]),
    given("MeanVarianceNormalization", [x], { axes: ints([0, 2]) }),
  ],
  RMSNormalization: [
    given("RMSNormalization", [x, drawn(52, [4])], { epsilon: float(0.1) }, 23),
    given("RMSNormalization", [x, drawn(53, [3, 4])], { axis: int(1) }, 23),
  ],
};

/** ONNX Runtime does not compute it on a processor. */
export const trainingCases: Readonly<Record<string, readonly Case[]>> = {
  BatchNormalization: [
    given("BatchNormalization", [sequence, scale, shift, center, spread], { training_mode: int(1) }, 15),
  ],
};
