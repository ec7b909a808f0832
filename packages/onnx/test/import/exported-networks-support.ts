// Files and numbers of PyTorch: bench/torch/golden_onnx_networks.py.

import { expectAsExported, fileBytes, type networks } from "isoloss-test-support/nn/onnx/exported";
import { describe, expect, it } from "vitest";

export function expectExported(rows: typeof networks): void {
  describe.each(rows)("PyTorch's export of the $name ($mode)", (network) => {
    it.each(Object.entries(network.files))(
      "with operator set %s has its parameters, outputs and gradients",
      (_, file) => {
        const model = expectAsExported(network, fileBytes(file));
        const expected = Object.keys(network.gradients).filter((name) => !(name in network.inputs));
        expect(Object.keys(model.params).sort()).toEqual([...expected, ...network.buffers].sort());
      },
    );

    it.each(Object.entries(network.folded))(
      "with operator set %s and folded weights has its outputs and gradients",
      (_, file) => {
        expectAsExported(network, fileBytes(file));
      },
    );
  });
}
