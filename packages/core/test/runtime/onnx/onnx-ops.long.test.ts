import { checkModels, hasPackage, runPython } from "isoloss-test-support/runtime/onnx/python";
import { expect, it } from "vitest";
import { loadOrt } from "#ort";
import { astype, dtypeOf, type TypedArray } from "../../../src/array.js";
import { type Graph, nodesOf } from "../../../src/graph/graph.js";
import { encodeModel } from "../../../src/runtime/onnx/codec.js";
import { emitModel, inputName } from "../../../src/runtime/onnx/emit.js";
import type { OnnxGraph } from "../../../src/runtime/onnx/schema.js";
import { opTable } from "../../graph/ops/op-table.js";
import { check, expectSame, type Job, named, type Results, runInOnnx } from "./onnx-ops-support.js";

const needsFloat32 = (graph: Graph): boolean =>
  nodesOf(graph).some((n) => n.dtype === "float64" && n.op.onnx.float32Only);

/** A session that knows the ONNX standard alone would refuse other domains: checked by name. */
function expectStandard(graph: OnnxGraph, label: string): void {
  for (const node of graph.nodes) expect(node.domain ?? "", `${label}: ${node.opType}`).toBe("");
}

async function runPortable({ graph, values, label }: Job): Promise<Results> {
  const model = emitModel(graph, { portable: true });
  expect(model.opsets).toEqual([{ domain: "", version: 18 }]);
  expectStandard(model.graph, label);
  const ort = await loadOrt("cpu");
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 3 });
  const feeds = graph.inputs.map(({ name, tensor }) => {
    const { data, shape } = astype(values[name], tensor.dtype);
    return [
      inputName(graph, name),
      new ort.Tensor(tensor.dtype as "float32", data as Float32Array, shape),
    ] as const;
  });
  const outputs = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [
      name,
      { shape: dims, data: data as TypedArray },
    ]),
  );
}

/** Portable models for the programs below, with inputs and results. */
const collected: (Job & { readonly results: Results })[] = [];

/** The collected models as files, with inputs and results beside them. */
function filesOf(jobs: typeof collected): Record<string, string | Uint8Array> {
  const plain = (arrays: Results) =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, x]) => [
        name,
        { shape: x.shape, dtype: dtypeOf(x), data: Array.from<number | bigint, number>(x.data, Number) },
      ]),
    );
  return Object.fromEntries(
    jobs.flatMap(({ graph, values, results }, k) => {
      const feeds = Object.fromEntries(
        graph.inputs.map(({ name }) => [inputName(graph, name), values[name]]),
      );
      return [
        [`${k}.onnx`, encodeModel(emitModel(graph, { portable: true }))],
        [`${k}.json`, JSON.stringify({ feeds: plain(feeds), results: plain(results) })],
      ];
    }),
  );
}

it.each(named(opTable))(
  "%s in float64, where ONNX Runtime has it, is what JavaScript computes",
  async (_, row) => {
    await check(row, "float64", 3, async (job) => {
      if (!needsFloat32(job.graph)) expectSame(await runInOnnx(job), job, 1e-10);
    });
  },
);

it.each(named(opTable))("%s as a portable model is what JavaScript computes", async (_, row) => {
  const tolerance = row.float32Tolerance ?? 1e-5;
  await check(row, "float32", 3, async (job) => {
    const results = await runPortable(job);
    expectSame(results, job, tolerance);
    collected.push({ ...job, results });
  });
});

it.skipIf(!hasPackage("onnx"))(
  "the onnx package for Python finds every portable model valid, with the shapes it states (skipped without it)",
  () => {
    expect(collected.length).toBeGreaterThan(3 * opTable.length);
    expect(runPython(checkModels, filesOf(collected))).toBe(`${collected.length} valid`);
  },
);

it.skipIf(!hasPackage("onnxruntime"))(
  "onnxruntime for Python computes the same from portable models (skipped without it)",
  () => {
    const script = [
      "import sys, glob, json, numpy as np, onnxruntime as ort",
      "ort.set_default_logger_severity(3)",
      // It fuses products of float64 into an operator for which it has no float64.
      "options = ort.SessionOptions()",
      "options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC",
      "worst = 0.0",
      "for path in glob.glob(f'{sys.argv[1]}/*.onnx'):",
      "    case = json.load(open(path.replace('.onnx', '.json')))",
      "    read = lambda a: np.array(a['data'], dtype=a['dtype']).reshape(a['shape'])",
      "    session = ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])",
      "    out = session.run(None, {n: read(a) for n, a in case['feeds'].items()})",
      "    for info, y in zip(session.get_outputs(), out):",
      "        x = read(case['results'][info.name])",
      "        assert x.shape == y.shape and x.dtype == y.dtype, (path, info.name)",
      "        scale = max(1.0, float(np.abs(x.astype('float64')).max(initial=0)))",
      "        worst = max(worst, float(np.abs(x.astype('float64') - y).max(initial=0)) / scale)",
      "print(worst)",
    ].join("\n");
    // One model in five: a session takes a few milliseconds.
    const some = filesOf(collected.filter((_, k) => k % 5 === 0));
    expect(Number(runPython(script, some))).toBeLessThan(1e-5);
  },
);
