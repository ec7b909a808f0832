// Quantized files in Python's onnxruntime, which is another version than that of Node.

import { encodeNpy } from "isoloss/data";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import {
  compensatedQdq,
  compensatedSettings,
  exactResult,
  normal,
  rangesOf,
  showingIntegers,
  writtenQdq,
} from "isoloss-test-support/compress/quantize/support";
import { fileOf, node, runOrt } from "isoloss-test-support/nn/onnx/support";
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

    it("computes weights alone as integers, and those rounded by GPTQ, as Node's does, to rounding", async () => {
      const file = bytes({ seed: 1 });
      const models: Record<string, Uint8Array> = {
        "8.onnx": quantizeWeights(file).bytes,
        "4.onnx": quantizeWeights(file, { bits: 4, blockSize: 16 }).bytes,
      };
      for (const [name, settings] of Object.entries(compensatedSettings)) {
        models[`${name}.onnx`] = await compensatedQdq(file, new Map(), settings, {
          x: normal(2, [64, ...shape]),
        });
      }
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

  it.each([false, true])(
    "has the integers, and computes the numbers, of its own dynamic quantizer, with scales per channel: %s",
    (isByChannel) => {
      const nodes = [
        node("MatMul", ["x", "w"], {}, ["p"]),
        node("Add", ["p", "b"], {}, ["h"]),
        node("Relu", ["h"], {}, ["r"]),
        node("MatMul", ["r", "v"]),
      ];
      const [w, b, v] = [normal(1, [20, 6]), normal(2, [6]), normal(3, [6, 5])];
      const x = normal(4, [7, 20]);
      const bytes = fileOf({ inputs: { x }, initializers: { w, b, v }, nodes });
      const weights = { bits: 8, per: isByChannel ? "channel" : "tensor" } as const;
      const { bytes: ours } = writtenQdq(bytes, new Map(), {
        weights,
        activations: "dynamic",
        leave: new Set(),
      });
      const files = { "given.onnx": bytes, "ours.onnx": ours, "x.npy": encodeNpy(x) };
      const script = quantizeDynamic.replace("BY_CHANNEL", isByChannel ? "True" : "False");
      const [own, theirs] = JSON.parse(runPython(script, files));
      expect(own.integers).toEqual(theirs.integers);
      expect(own.y.length).toBe(35);
      for (const [i, y] of own.y.entries()) expect(y).toBeCloseTo(theirs.y[i], 5);
    },
  );
});

/** Quantizes given.onnx, and prints the integers of the weights and the results of ours.onnx and of that file. */
const quantizeDynamic = `
import json, os, sys
# Before onnxruntime, which adds schemas that it does not expect.
import onnx.reference
import numpy, onnx, onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
folder = sys.argv[1]
path = lambda name: os.path.join(folder, name)
quantize_dynamic(path("given.onnx"), path("theirs.onnx"), per_channel=BY_CHANNEL, weight_type=QuantType.QInt8)
x = numpy.load(path("x.npy"))
results = []
for name in ("ours.onnx", "theirs.onnx"):
    tensors = [onnx.numpy_helper.to_array(t) for t in onnx.load(path(name)).graph.initializer]
    integers = [t.tolist() for t in tensors if t.dtype == numpy.int8 and t.ndim == 2]
    session = onnxruntime.InferenceSession(path(name), providers=["CPUExecutionProvider"])
    results.append({"integers": sorted(integers), "y": session.run(None, {"x": x})[0].ravel().tolist()})
print(json.dumps(results))
`;
