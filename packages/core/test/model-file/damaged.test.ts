import { expect, it } from "vitest";
import { IsolossError } from "../../src/errors.js";
import { createRng } from "../../src/math/rng.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { liftBounds } from "../../src/model-file/prepare/lift-bounds.js";
import { lowerBounds } from "../../src/model-file/prepare/lower-bounds.js";
import { inlineExternalData } from "../../src/runtime/onnx/external-data.js";
import { randomFile } from "./random-file.js";

const calls: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  dropIdentity,
  foldBatchNorm,
  liftBounds,
  lowerBounds,
  withParams: (bytes) => withParams(bytes, { w0: { shape: [4], data: new Float32Array(4) } }),
  inlineExternalData: (bytes) => inlineExternalData(bytes, {}),
};

it.each(Object.entries(calls))(
  "%s takes a damaged file or says that it is damaged, and nothing else",
  (_, call) => {
    const rng = createRng(3);
    const files = [0, 1, 2, 3].map(randomFile);
    for (let k = 0; k < 120; k++) {
      const bytes = files[k % 4].slice();
      if (k % 8 === 0) {
        expectNoCrash(() => call(bytes.subarray(0, rng.int(bytes.length))));
        continue;
      }
      for (let i = 0; i < 1 + (k % 3); i++) bytes[rng.int(bytes.length)] = rng.int(256);
      expectNoCrash(() => call(bytes));
    }
  },
);

function expectNoCrash(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(IsolossError);
  }
}
