import { normal } from "isoloss-test-support/compress/quantize/support";
import { smallNetwork } from "isoloss-test-support/model-file/builder";
import { beforeEach, expect, it, vi } from "vitest";

/** Bytes that were decoded as a whole model. */
const decoded: Uint8Array[] = [];
/** Files that ONNX Runtime opened, which needs them as bytes. */
let sessions = 0;

vi.mock("isoloss/internal", async (original) => {
  const internal = await original<typeof import("isoloss/internal")>();
  return {
    ...internal,
    rawFields: (message: Uint8Array) => {
      decoded.push(message);
      return internal.rawFields(message);
    },
    openFileSession: (...args: Parameters<typeof internal.openFileSession>) => {
      sessions++;
      return internal.openFileSession(...args);
    },
  };
});
vi.mock("isoloss/onnx", async (original) => {
  const onnx = await original<typeof import("isoloss/onnx")>();
  return {
    ...onnx,
    decodeModel: (bytes: Uint8Array) => {
      decoded.push(bytes);
      return onnx.decodeModel(bytes);
    },
  };
});

beforeEach(() => {
  decoded.length = 0;
  sessions = 0;
});

const calibration = [{ x: normal(1, [16, 3, 8, 8]) }];

/** How often messages of at least half the size of a file were decoded; a graph in a model counts for itself. */
const largeIn = (bytes: Uint8Array) => decoded.filter(({ length }) => 2 * length > bytes.length);

it("decodes the bytes of a model once on their way through a quantization", async () => {
  const { quantizeModel } = await import("../../src/quantize/quantize-model.js");
  const bytes = smallNetwork();
  const { table } = await quantizeModel(bytes, { calibration, runtime: "onnx" });
  const own = decoded.filter(({ buffer, length }) => buffer === bytes.buffer && length === bytes.length);
  expect(own).toHaveLength(1);
  // No file in between is decoded either: there are the model and the graph in it.
  expect(largeIn(bytes)).toHaveLength(2);
  // Each row of the table is run, and so are pieces that correct biases.
  expect(sessions).toBeGreaterThan(table.length);
});

const sizes = { height: 8, width: 8 };

it.each<[string, (library: typeof import("../../src/index.js"), bytes: Uint8Array) => unknown]>([
  ["pruneUnits", ({ pruneUnits }, bytes) => pruneUnits(bytes, { fraction: 0.25, sizes })],
  ["pruneWeights", ({ pruneWeights }, bytes) => pruneWeights(bytes, { fraction: 0.25, sizes })],
  ["reduceRank", ({ reduceRank }, bytes) => reduceRank(bytes, { energy: 0.9, sizes })],
  ["toHalf", ({ toHalf }, bytes) => toHalf(bytes, { calibration, sizes })],
  [
    "equalizeForQuantization",
    (own, bytes) =>
      own.equalizeForQuantization(
        bytes,
        [0, 1].map(() => calibration[0]),
      ),
  ],
  [
    "fineTune",
    ({ fineTune }, bytes) => {
      const labels = { shape: [16], data: new BigInt64Array(16) };
      const data = { inputs: calibration[0].x, labels };
      return fineTune(bytes, { data, learningRate: 0.01, epochs: 1 });
    },
  ],
])("decodes the bytes of a model once in %s", async (_, run) => {
  const bytes = smallNetwork();
  await run(await import("../../src/index.js"), bytes);
  expect(largeIn(bytes)).toHaveLength(2);
});
