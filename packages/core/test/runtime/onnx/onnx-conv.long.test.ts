import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { it } from "vitest";
import { relu } from "../../../src/graph/ops/activation.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { cases, expectSame, expectSameDerivatives, layer } from "./onnx-conv-support.js";

expectSameDerivatives(cases.slice(1));

it("a residual block, whose image and kernels are used several times, has them too", async () => {
  await expectSame("residual block", {
    label: "residual block",
    inputs: [
      uniform(1, [2, 16, 32, 32], -1, 1),
      uniform(2, [16, 16, 3, 3], -0.1, 0.1),
      uniform(3, [16], -1, 1),
    ],
    apply(x, w, b) {
      const hidden = relu(layer(x, w, b, { padding: 1 }));
      return add(x, layer(hidden, w, b, { padding: 1 }));
    },
  });
});
