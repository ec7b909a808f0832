// The move on random transformers: the same float32 results in every bit, and float16 as good as without outliers.
import { toHalf, withParams } from "isoloss-onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { runOrt } from "isoloss-test-support/nn/onnx/support";
import { hasPackage, runPython } from "isoloss-test-support/runtime/onnx/python";
import { describe, expect, it } from "vitest";
import { openJudge } from "../../src/half/judge.js";
import type { NamedValues } from "../../src/model-file/compare/random-inputs.js";
import { outputsOf } from "../../src/model-file/compare/run-model.js";
import { imported } from "../../src/model-file/edit/onnx-file.js";
import { four, randomTransformer, streamShifted } from "./transformers-support.js";

const COUNT = 100;
const all = Array.from({ length: COUNT }, (_, seed) => randomTransformer(seed));
const moved = new Map<number, readonly [before: Uint8Array, after: Uint8Array]>();

/** A file, and the same with all streams scaled by 2^-5. */
function pair(seed: number): readonly [before: Uint8Array, after: Uint8Array] {
  const known = moved.get(seed);
  if (known !== undefined) return known;
  const bytes = transformer(all[seed]);
  const params = streamShifted(bytes, -5);
  expect(params.tokens).toBeDefined();
  const own = [bytes, withParams(bytes, params)] as const;
  moved.set(seed, own);
  return own;
}

/** Of a file as it is, with every result rounded. */
async function sqnrOf(bytes: Uint8Array, batches: readonly NamedValues[]): Promise<number> {
  const file = opened(bytes);
  const model = imported(file, { epsilons: true, factors: true });
  const judge = openJudge(file, { batches, expected: await outputsOf(model, batches, { runtime: "auto" }) });
  const sqnr = await judge.sqnr(model.params);
  await judge.dispose();
  return sqnr;
}

const hasPython = hasPackage("onnxruntime");

/** Runs pairs of files, and prints which of them differ, and how many the version does not open. */
const compareInPython = `
import json, sys
import numpy, onnxruntime
folder = sys.argv[1]
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
options.intra_op_num_threads = 1
count, different, unread = ${COUNT}, [], []
for seed in range(count):
    inputs = {k: numpy.array(v["data"], dtype=v["type"]).reshape(v["shape"]) for k, v in json.load(open(f"{folder}/{seed}.json")).items()}
    try:
        sessions = [onnxruntime.InferenceSession(f"{folder}/{seed}.{side}.onnx", options, providers=["CPUExecutionProvider"]) for side in ("before", "after")]
    except Exception as error:
        unread.append(seed)
        continue
    before, after = [session.run(None, inputs)[0] for session in sessions]
    if not numpy.isfinite(before).all() or before.tobytes() != after.tobytes():
        different.append(seed)
print(json.dumps({"different": different, "unread": unread}))
`;

describe(`of ${COUNT} random transformers`, () => {
  it("all have bit-identical float32 outputs after the move in ONNX Runtime for Node", async () => {
    const different: number[] = [];
    for (const [seed, own] of all.entries()) {
      const inputs = transformerInputs(own);
      const [before, after] = pair(seed);
      const [{ logits: a }, { logits: b }] = [await runOrt(before, inputs), await runOrt(after, inputs)];
      const isSame = (a.data as Float32Array).every((v, i) => Number.isFinite(v) && v === b.data[i]);
      if (!isSame) different.push(seed);
    }
    expect(different).toEqual([]);
  });

  const python = hasPython
    ? "Python's onnxruntime"
    : "Python's onnxruntime (skipped: /usr/bin/python3 has none)";
  it.skipIf(!hasPython)(`all have them in ${python}, but for operator sets that it does not know`, () => {
    const files = all.flatMap((own, seed): [string, string | Uint8Array][] => {
      const [before, after] = pair(seed);
      const inputs = Object.entries(transformerInputs(own)).map(([name, { shape, data }]) => [
        name,
        { shape, type: "int64", data: Array.from(data as BigInt64Array, Number) },
      ]);
      return [
        [`${seed}.before.onnx`, before],
        [`${seed}.after.onnx`, after],
        [`${seed}.json`, JSON.stringify(Object.fromEntries(inputs))],
      ];
    });
    const { different, unread } = JSON.parse(runPython(compareInPython, Object.fromEntries(files)));
    expect(different).toEqual([]);
    for (const seed of unread) expect(all[seed].opset).toBe(23);
    expect(unread.length).toBeLessThan(COUNT / 2);
  });

  const worse: string[] = [];
  let compared = 0;

  it.each([0, 20, 40, 60, 80])("from %i on, 20 are compared with twins without outliers", async (first) => {
    for (const own of all.slice(first, first + 20)) {
      const calibration = [transformerInputs(own)];
      const { error } = await toHalf(transformer(own), { calibration, rescue: "none" });
      const twin = await sqnrOf(transformer({ ...own, outlier: 0 }), calibration);
      if (error.sqnr < twin - 1) {
        worse.push(`${error.sqnr.toFixed(1)} instead of ${twin.toFixed(1)} dB: ${JSON.stringify(own)}`);
      }
      compared++;
    }
  });

  it("at least 95 are in float16 at most 1 dB worse than these", () => {
    expect(compared).toBe(COUNT);
    expect(worse.length, worse.join("\n")).toBeLessThanOrEqual(5);
  });
});

describe.each(four)("a transformer with %s", (_, options) => {
  it("is broken in float16 as it is, and rescued without a node more", async () => {
    const bytes = transformer(options);
    const plain = await toHalf(bytes, { move: false, rescue: "none" });
    const rescued = await toHalf(bytes);
    expect(plain.error.sqnr).toBeLessThan(20);
    expect(rescued.error.sqnr).toBeGreaterThan(50);
    expect([rescued.wide, rescued.fused]).toEqual([[], []]);
    expect(opened(rescued.bytes).model.graph.nodes).toHaveLength(
      opened(plain.bytes).model.graph.nodes.length,
    );
  });
});
