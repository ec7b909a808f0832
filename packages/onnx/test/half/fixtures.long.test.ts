// Twelve transformers whose float16 files overflow, and three ways out: powers of two, Clip, and operators in float32.
import { writeFileSync } from "node:fs";
import { compareTimes, type HalfModel, modelError, toHalf } from "isoloss-onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import { clipBound, fixtures } from "isoloss-test-support/model-file/float16-fixtures";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { type Arrays, runOrt } from "isoloss-test-support/nn/onnx/support";
import { hasPackage, runPython } from "isoloss-test-support/runtime/onnx/python";
import { afterAll, describe, expect, it } from "vitest";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { streamShifted } from "./transformers-support.js";

/** The outputs of a file and of one of float16 as Python's onnxruntime computes them: the SQNR in dB; null where it does not know the operator set. */
const sqnrInPython = `
import json, sys
import numpy, onnxruntime
folder = sys.argv[1]
inputs = {k: numpy.array(v["data"], dtype=v["type"]).reshape(v["shape"]) for k, v in json.load(open(f"{folder}/inputs.json")).items()}
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
def outputs(name):
    return onnxruntime.InferenceSession(f"{folder}/{name}.onnx", options, providers=["CPUExecutionProvider"]).run(None, inputs)[0].astype(numpy.float64)
try:
    before, half = outputs("before"), outputs("half")
    print(10 * numpy.log10((before ** 2).sum() / ((before - half) ** 2).sum()))
except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
    print("null" if "opset" in str(error) else error)
`;

const hasPython = hasPackage("onnxruntime");

/** A row of the table in docs/float16.md, which `ISOLOSS_FLOAT16_TABLE=path` writes. */
interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

const rows: Row[] = [];
const path = process.env.ISOLOSS_FLOAT16_TABLE;

afterAll(() => {
  if (path === undefined) return;
  writeFileSync(path, rows.map(({ name, cells }) => `| ${[name, ...cells].join(" | ")} |\n`).join(""));
});

const decibels = (sqnr: number) => (sqnr > -Infinity ? sqnr.toFixed(1) : "not finite");
const kilobytes = (bytes: Uint8Array) => `${Math.round(bytes.length / 1024)}`;
/** Time of a run by that of the float32 file, in turns. */
const timeOf = async (before: Uint8Array, after: Uint8Array, inputs: Record<string, never>) =>
  (await compareTimes(before, after, { inputs })).ratio.toFixed(2);

describe.each(fixtures.map(({ name, options }) => [name, options] as const))("%s", (name, options) => {
  const bytes = transformer(options);
  const inputs = transformerInputs(options) as Record<string, never>;
  const calibration = [inputs];
  let halved: Promise<HalfModel> | undefined;
  const rescued = () => {
    halved ??= toHalf(bytes, { calibration, rescue: "none" });
    return halved;
  };
  const nodesOf = (file: Uint8Array) => opened(file).model.graph.nodes.length;

  it("is rescued by powers of two, with no Clip and no node more, beside Clip and operators in float32", async () => {
    const moved = await rescued();
    const asIs = moved.files.at(-1);
    const islands = await toHalf(bytes, { calibration, move: false, rescue: "float32" });
    const clipped = transformer({ ...options, bound: clipBound(options) });
    const { sqnr: clipFunction } = await modelError(bytes, clipped, { inputs: calibration });

    expect(asIs?.error.sqnr).toBeLessThan(20);
    expect(moved.error.sqnr).toBeGreaterThan(50);
    expect([moved.wide, moved.fused]).toEqual([[], []]);
    expect(nodesOf(moved.bytes)).toBe(nodesOf(asIs?.bytes as Uint8Array));
    expect(islands.error.sqnr).toBeGreaterThan(40);
    expect(nodesOf(islands.bytes)).toBeGreaterThan(nodesOf(moved.bytes));
    expect(clipFunction).toBeLessThan(moved.error.sqnr);

    if (path === undefined) return;
    rows.push({
      name,
      cells: [
        `${moved.ranges.before.size.toPrecision(2)}`,
        decibels(asIs?.error.sqnr ?? Number.NaN),
        decibels(moved.error.sqnr),
        moved.moves
          .flatMap(({ stream, exponents: [k] }) => (stream === options.width ? [k] : []))
          .sort((a, b) => a - b)[0]
          .toString(),
        `${kilobytes(moved.bytes)} / ${await timeOf(bytes, moved.bytes, inputs)}`,
        decibels(clipFunction),
        decibels(islands.error.sqnr),
        `${islands.wide.length}`,
        `${kilobytes(islands.bytes)} / ${await timeOf(bytes, islands.bytes, inputs)}`,
      ],
    });
  });

  const where = hasPython ? "and in Python" : "(Python skipped: it has no onnxruntime)";
  it(`is rescued as ONNX Runtime runs the file in Node ${where}, too`, async ({ skip }) => {
    const { bytes: half } = await rescued();
    const { sqnr } = await modelError(bytes, half, { inputs: calibration });
    expect(sqnr).toBeGreaterThan(50);
    if (!hasPython) return;
    const given = Object.entries(inputs as Arrays).map(([name, { shape, data }]) => [
      name,
      { shape, type: data instanceof BigInt64Array ? "int64" : "float32", data: Array.from(data, Number) },
    ]);
    const files = {
      "before.onnx": bytes,
      "half.onnx": half,
      "inputs.json": JSON.stringify(Object.fromEntries(given)),
    };
    const inPython = JSON.parse(runPython(sqnrInPython, files));
    if (options.opset === 23 && inPython === null) skip("Python's onnxruntime does not know operator set 23");
    expect(inPython).toBeGreaterThan(50);
  });

  it("has bit-identical float32 outputs after the move", async () => {
    const moved = withParams(bytes, streamShifted(bytes, -5));
    expect(await runOrt(moved, inputs)).toEqual(await runOrt(bytes, inputs));
    expect(nodesOf(moved)).toBe(nodesOf(bytes));
  });
});
