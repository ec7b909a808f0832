import fc from "fast-check";
import { expect, it } from "vitest";
import { loadOrt } from "#ort";
import type { TypedArray } from "../../../src/array.js";
import { astype, dtypeOf, type NdArray } from "../../../src/array.js";
import { type Graph, nodesOf } from "../../../src/graph/graph.js";
import { simplify } from "../../../src/graph/simplify.js";
import { isFloat } from "../../../src/graph/tensor.js";
import type { Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { encodeModel } from "../../../src/runtime/onnx/codec.js";
import { emitModel, inputName } from "../../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import type { OnnxGraph } from "../../../src/runtime/onnx/schema.js";
import type { OpCase, OpRow } from "../../graph/ops/op-case.js";
import {
  derivativeGraph,
  forwardGraph,
  norm,
  relativeError,
  roundedValues,
} from "../../graph/ops/op-derivatives.js";
import { labeled, opTable, settings } from "../../graph/ops/op-table.js";
import { checkModels, hasPackage, runPython } from "./python.js";

type Results = Readonly<Record<string, NdArray>>;
interface Job {
  readonly graph: Graph;
  readonly values: Values;
  readonly label: string;
}

/** The simplified graphs of a case: the result alone, and with its derivatives where it has them. */
function jobsOf(row: OpRow, c: OpCase, dtype: "float32" | "float64"): Job[] {
  const jobs = [{ ...forwardGraph(c, dtype), label: `${c.label}, forward` }];
  if (row.differentiable ?? true)
    jobs.push({ ...derivativeGraph(c, dtype), label: `${c.label}, derivatives` });
  return jobs.map(({ graph, values, label }) => ({
    graph: simplify(graph),
    values: dtype === "float32" ? roundedValues(values) : values,
    label,
  }));
}

const needsFloat32 = (graph: Graph): boolean =>
  nodesOf(graph).some((n) => n.dtype === "float64" && n.op.onnx.float32Only);

/**
 * Compares with what the JavaScript runtime computes in float64. A result may be small because large terms cancel: an
 * error is measured against a tenth of the largest input or result where that is more.
 */
function expectSame(results: Results, { graph, values, label }: Job, tolerance: number): void {
  const expected = compileJavaScript(graph).runSync(values);
  const floats = [...Object.values(values), ...Object.values(expected)].filter((x) => isFloat(dtypeOf(x)));
  const floor = Math.max(1e-3, ...floats.map((x) => norm(x) / 10));
  for (const { name } of graph.outputs) {
    const [actual, wanted] = [results[name], expected[name]];
    expect(actual.shape, `${label}: ${name}`).toEqual(wanted.shape);
    expect(dtypeOf(actual), `${label}: ${name}`).toBe(dtypeOf(wanted));
    if (isFloat(dtypeOf(wanted))) {
      expect(relativeError(actual, wanted, floor), `${label}: ${name}`).toBeLessThanOrEqual(tolerance);
    } else {
      expect(Array.from<number | bigint>(actual.data), `${label}: ${name}`).toEqual(
        Array.from<number | bigint>(wanted.data),
      );
    }
  }
}

async function runInOnnx({ graph, values }: Job): Promise<Results> {
  const executable = await compileOnnx(graph, { provider: "cpu" });
  const results = await executable.run(values);
  await executable.dispose();
  return results;
}

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

const named = (rows: readonly OpRow[]) => rows.map((row) => [row.name, row] as const);

const check = (
  row: OpRow,
  dtype: "float32" | "float64",
  numRuns: number,
  property: (job: Job) => Promise<void>,
) =>
  fc.assert(
    fc.asyncProperty(labeled(row), async (c) => {
      for (const job of jobsOf(row, c, dtype)) await property(job);
    }),
    settings(numRuns),
  );

it.each(named(opTable))(
  "%s in float32, with its derivatives, is what JavaScript computes",
  async (_, row) => {
    const tolerance = row.float32Tolerance ?? 1e-5;
    await check(row, "float32", 5, async (job) => expectSame(await runInOnnx(job), job, tolerance));
  },
);

it.each(named(opTable))(
  "%s in float64, where ONNX Runtime has it, is what JavaScript computes",
  async (_, row) => {
    await check(row, "float64", 3, async (job) => {
      if (!needsFloat32(job.graph)) expectSame(await runInOnnx(job), job, 1e-10);
    });
  },
);

/** Portable models for the programs below, with inputs and results. */
const collected: (Job & { readonly results: Results })[] = [];

it.each(named(opTable))("%s as a portable model is what JavaScript computes", async (_, row) => {
  const tolerance = row.float32Tolerance ?? 1e-5;
  await check(row, "float32", 3, async (job) => {
    const results = await runPortable(job);
    expectSame(results, job, tolerance);
    collected.push({ ...job, results });
  });
});

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
