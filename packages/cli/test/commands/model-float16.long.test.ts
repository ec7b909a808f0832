// ONNX Runtime ends the process where it optimizes some files of float16 as far as it can: each command is one of its own.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeModel } from "isoloss/onnx";
import { expect, it } from "vitest";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench();

/** The products of sequences whose first two axes are exchanged, as an export of `batch_first` has them. */
const exchanged = (): Uint8Array =>
  encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 14 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "graph",
      inputs: [{ name: "x", dtype: "float32", shape: ["time", "batch", 8] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["batch", "time", 5] }],
      initializers: [weight("w", 8, 6), weight("v", 6, 5)],
      nodes: [
        {
          opType: "Transpose",
          inputs: ["x"],
          outputs: ["t"],
          attributes: { perm: { kind: "ints", value: [1, 0, 2] } },
        },
        { opType: "MatMul", inputs: ["t", "w"], outputs: ["h"], attributes: {} },
        { opType: "Relu", inputs: ["h"], outputs: ["r"], attributes: {} },
        { opType: "MatMul", inputs: ["r", "v"], outputs: ["y"], attributes: {} },
      ],
    },
  });

const weight = (name: string, rows: number, columns: number) => ({
  name,
  dtype: "float32" as const,
  shape: [rows, columns],
  data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1)),
});

it("makes, prunes and factors a file of float16 with a Transpose before a MatMul", async () => {
  writeFileSync(join(bench.folder, "model.onnx"), exchanged());
  for (const args of [
    ["half", "model.onnx", "--out", "half.onnx"],
    ["prune", "half.onnx", "--out", "pruned.onnx", "--fraction", "0.5"],
    ["low-rank", "half.onnx", "--out", "low.onnx", "--energy", "0.9"],
  ]) {
    const { status, stdout, stderr } = await bench.run("model", ...args);
    expect([args[0], status, withoutProgress(stderr)]).toEqual([args[0], 0, ""]);
    expect(stdout).toMatch(/Wrote \w+\.onnx/);
  }
});
