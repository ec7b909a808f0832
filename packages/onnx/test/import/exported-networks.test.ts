import { expectInOnnxRuntime, fileBytes, networks } from "isoloss-test-support/nn/onnx/exported";
import { sampledRows } from "isoloss-test-support/random-cases";
import { it } from "vitest";
import { expectExported } from "./exported-networks-support.js";

const inRuntime = networks.filter(({ name, mode }) =>
  ["ResNet train", "U-Net eval", "LSTM tagger eval", "RMSNorm transformer eval"].includes(`${name} ${mode}`),
);

expectExported(networks.slice(0, 5));

it.each(sampledRows(inRuntime))(
  "ONNX Runtime gives the outputs and gradients of the $name ($mode)",
  async (network) => {
    await expectInOnnxRuntime(network, fileBytes(Object.values(network.files)[0]));
  },
);
