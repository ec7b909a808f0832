// Quantized files in Python's onnxruntime, which is another version than that of Node.

import { encodeNpy } from "isoloss/data";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import {
  exactResult,
  normal,
  rangesOf,
  showingIntegers,
  writtenQdq,
} from "isoloss-test-support/compress/quantize/support";
import { runOrt } from "isoloss-test-support/nn/onnx/support";
import { hasPackage, runPython } from "isoloss-test-support/runtime/onnx/python";
import { describe, expect, it } from "vitest";
import { quantizeWeights } from "../../src/quantize/quantize-weights.js";
import { close, exact, type Settings } from "./integer-cases.js";

const isThere = hasPackage("onnxruntime");
const version = isThere ? runPython("import onnxruntime; print(onnxruntime.__version__)", {}) : "none";
const title = isThere
  ? `Python's onnxruntime ${version}`
  : "Python's onnxruntime (skipped: /usr/bin/python3 has no package onnxruntime)";

/** Runs each model of a folder on x.npy and prints all outputs, by the models' names. */
const runModels = `
import glob, json, os, sys
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
options.intra_op_num_threads = 1
options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
folder = sys.argv[1]
x = numpy.load(os.path.join(folder, "x.npy"))
results = {}
for path in glob.glob(os.path.join(folder, "*.onnx")):
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {"x": x})
    results[os.path.basename(path)] = {n: v.ravel().tolist() for n, v in zip(names, values)}
print(json.dumps(results))
`;

type Outputs = Readonly<Record<string, readonly number[]>>;

const inPython = (files: Readonly<Record<string, Uint8Array>>): Readonly<Record<string, Outputs>> =>
  JSON.parse(runPython(runModels, files));

describe.skipIf(!isThere)(title, () => {
  describe.each(Object.entries(networks))("%s", (_, { bytes, shape }) => {
    const x = normal(3, [8, ...shape]);

    it("has the integers of Node's, within one step where products of 8 bits with signs saturate", async () => {
      const file = bytes({ seed: 1 });
      const ranges = await rangesOf(file, { x: normal(2, [16, ...shape]) });
      const all: readonly [string, Settings][] = [...Object.entries(exact), ...Object.entries(close)];
      const shown = all.map(([, settings]) =>
        showingIntegers(
          writtenQdq(file, ranges, { ...settings, leave: new Set() }).bytes,
          settings.activations === "int8" ? "int8" : "uint8",
        ),
      );
      const models = Object.fromEntries(shown.map((own, i) => [`${i}.onnx`, own.bytes]));
      const theirs = inPython({ ...models, "x.npy": encodeNpy(x) });
      for (const [i, [name]] of all.entries()) {
        const ours = await runOrt(shown[i].bytes, { x });
        const steps = shown[i].integers.flatMap((value) =>
          Array.from<number | bigint, number>(ours[value].data, (q, e) =>
            Math.abs(Number(q) - theirs[`${i}.onnx`][value][e]),
          ),
        );
        expect(steps.length).toBeGreaterThan(0);
        expect(Math.max(...steps), name).toBeLessThanOrEqual(Object.hasOwn(exact, name) ? 0 : 1);
      }
    });

    it("computes with weights alone as integers what Node's computes, to rounding", async () => {
      const file = bytes({ seed: 1 });
      const models = {
        "8.onnx": quantizeWeights(file).bytes,
        "4.onnx": quantizeWeights(file, { bits: 4, blockSize: 16 }).bytes,
      };
      const theirs = inPython({ ...models, "x.npy": encodeNpy(x) });
      for (const [name, own] of Object.entries(models)) {
        const ours = await exactResult(own, { x });
        const largest = Math.max(...ours.map(Math.abs));
        ours.forEach((y, i) => {
          expect(Math.abs(y - theirs[name].y[i]) / largest, name).toBeLessThan(1e-5);
        });
      }
    });
  });
});
