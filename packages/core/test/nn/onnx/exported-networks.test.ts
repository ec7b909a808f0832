// Files and numbers of PyTorch: bench/torch/golden_onnx_networks.py.

import { describe, expect, it } from "vitest";
import { expectAsExported, expectInOnnxRuntime, fileBytes, networks } from "./exported.js";

describe.each(networks)("PyTorch's export of the $name ($mode)", (network) => {
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

const inRuntime = networks.filter(({ name, mode }) =>
  ["ResNet train", "U-Net eval", "LSTM tagger eval", "RMSNorm transformer eval"].includes(`${name} ${mode}`),
);

it.each(inRuntime)("ONNX Runtime gives the outputs and gradients of the $name ($mode)", async (network) => {
  await expectInOnnxRuntime(network, fileBytes(Object.values(network.files)[0]));
});
