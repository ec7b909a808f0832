// That a changed model is compared at other sizes than those at which the change was found.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeModel, encodeModel, type OnnxModel } from "isoloss/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { writeVerified } from "../../src/model/write-prepared.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-write-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Graph = OnnxModel["graph"];
const node = (opType: string, inputs: string[], output: string, attributes = {}): Graph["nodes"][number] => ({
  opType,
  name: output,
  inputs,
  outputs: [output],
  attributes,
});
const branch = (factor: string) => ({
  kind: "graph" as const,
  value: {
    name: factor,
    inputs: [],
    initializers: [],
    outputs: [{ name: `${factor}.y` }],
    nodes: [node("Mul", ["x", factor], `${factor}.y`)],
  },
});

/** Sequences [examples, length] times a number, and times another one where they are longer than 32. */
function scaled(short: number, long: number): Uint8Array {
  const stored = (name: string, dtype: "float32" | "int64", value: number) => ({
    name,
    dtype,
    shape: [],
    data: dtype === "int64" ? BigInt64Array.of(BigInt(value)) : Float32Array.of(value),
  });
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "scaled",
      inputs: [{ name: "x", dtype: "float32", shape: ["examples", "length"] }],
      outputs: [{ name: "y", dtype: "float32" }],
      initializers: [
        stored("short", "float32", short),
        stored("long", "float32", long),
        stored("one", "int64", 1),
        stored("limit", "int64", 32),
      ],
      nodes: [
        node("Shape", ["x"], "shape"),
        node("Gather", ["shape", "one"], "size"),
        node("Greater", ["size", "limit"], "isLong"),
        node("If", ["isLong"], "y", { then_branch: branch("long"), else_branch: branch("short") }),
      ],
    },
  });
}

const file = (bytes: Uint8Array) => ({ path: "model.onnx", bytes, model: decodeModel(bytes), files: [] });
const settings = { sizes: {}, tolerance: 1e-4, verify: true };

describe("a changed model", () => {
  it("is not written where it differs at twice the length, or for one example", async () => {
    const out = join(folder, "long.onnx");
    await expect(writeVerified(file(scaled(2, 3)), out, scaled(2, 6), settings)).rejects.toThrow(
      /^The new model differs from model\.onnx by 1 \(1 in float64\) with examples 1, length 64, relative to/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("is written where it is the same at all sizes", async () => {
    const { largest } = await writeVerified(
      file(scaled(2, 3)),
      join(folder, "same.onnx"),
      scaled(2, 3),
      settings,
    );
    expect(largest).toBe(0);
  });
});
