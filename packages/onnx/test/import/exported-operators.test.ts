// Files and numbers of PyTorch: bench/torch/golden_onnx_operators.py.

import { type Exported, expectAsExported, fileBytes } from "isoloss-test-support/nn/onnx/exported";
import { readGolden } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, it } from "vitest";

const { operators } = readGolden<{ operators: Exported[] }>("onnx-operators.json");
const rows = operators.flatMap((row) => Object.keys(row.files).map((opset) => ({ ...row, opset })));

describe("PyTorch's export of an operator has its outputs and gradients:", () => {
  it.each(sampledRows(rows))("$name, operator set $opset", ({ opset, ...row }) => {
    expectAsExported(row, fileBytes(row.files[opset]));
  });
});
