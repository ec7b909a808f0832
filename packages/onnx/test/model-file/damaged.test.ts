import { IsolossError } from "isoloss";
import { createRng } from "isoloss/data";
import { inlineExternalData } from "isoloss/onnx";
import { randomCases } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { toHalf } from "../../src/half/to-half.js";
import { reduceRank } from "../../src/low-rank/reduce-rank.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { liftBounds, lowerBounds } from "../../src/model-file/prepare/bounds.js";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { pruneUnits } from "../../src/prune/prune-units.js";
import { pruneWeights } from "../../src/prune/prune-weights.js";
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
    for (let k = 0; k < randomCases(120); k++) {
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

const sizes = { height: 8, width: 8 };

it.each([
  ["pruneWeights", (bytes: Uint8Array) => pruneWeights(bytes, { fraction: 0.5, sizes })],
  ["pruneUnits", (bytes: Uint8Array) => pruneUnits(bytes, { fraction: 0.5, multiple: 1, sizes })],
  ["reduceRank", (bytes: Uint8Array) => reduceRank(bytes, { rank: 2, sizes })],
  ["toHalf", (bytes: Uint8Array) => toHalf(bytes, { sizes })],
] as const)("%s compresses a damaged file or says that it is damaged, and nothing else", async (_, call) => {
  const rng = createRng(4);
  const files = [0, 1, 2, 3].map(randomFile);
  for (let k = 0; k < randomCases(24); k++) {
    const bytes = files[k % 4].slice();
    for (let i = 0; i < 1 + (k % 3); i++) bytes[rng.int(bytes.length)] = rng.int(256);
    const error: unknown = await call(bytes).catch((cause: unknown) => cause);
    if (error instanceof Error) expect(error).toBeInstanceOf(IsolossError);
  }
});

function expectNoCrash(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(IsolossError);
  }
}
