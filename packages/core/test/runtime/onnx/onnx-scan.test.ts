import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { checkModels, hasPackage, runPython } from "isoloss-test-support/runtime/onnx/python";
import { expect, it } from "vitest";
import { array, dtypeOf, type NdArray } from "../../../src/array.js";
import { OptionError, RuntimeError, ShapeError } from "../../../src/errors.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { simplify } from "../../../src/graph/simplify.js";
import { isFloat } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { encodeModel } from "../../../src/runtime/onnx/codec.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import type { OnnxNode } from "../../../src/runtime/onnx/schema.js";
import { setDefaultThreads } from "../../../src/runtime/onnx/threads.js";
import { halving, inputsOf, inTwoRuns, type ScanCase, scanCases } from "../scans.js";

type Results = Readonly<Record<string, NdArray>>;

const named = (["float32", "float64"] as const).flatMap((dtype) =>
  scanCases(dtype).map((c) => [c.name, dtype, c] as const),
);

function expectSame(actual: Results, expected: Results, tolerance: number): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, wanted] of Object.entries(expected)) {
    expect(actual[name].shape, name).toEqual(wanted.shape);
    expect(dtypeOf(actual[name]), name).toBe(dtypeOf(wanted));
    if (tolerance > 0 && isFloat(dtypeOf(wanted))) {
      expect(relativeError(actual[name], wanted), name).toBeLessThanOrEqual(tolerance);
    } else {
      expect(actual[name].data, name).toEqual(wanted.data);
    }
  }
}

async function opened<R>(
  c: ScanCase,
  use: (run: (inputs: ReturnType<typeof inputsOf>, steps: number) => Promise<Results>) => Promise<R>,
): Promise<R> {
  const executable = await compileOnnx(c.graph, { provider: "cpu", scan: c.scan });
  try {
    return await use((inputs, steps) => executable.run(inputs, { steps }));
  } finally {
    await executable.dispose();
  }
}

it.each(named)(
  "a loop of %s in %s is the loop in JavaScript, also of no and of one step",
  async (_, dtype, c) => {
    const javascript = compileJavaScript(c.graph, { scan: c.scan });
    await opened(c, async (run) => {
      for (const steps of [0, 1, 2, 7]) {
        const inputs = inputsOf(c, steps);
        expectSame(
          await run(inputs, steps),
          javascript.runSync(inputs, { steps }),
          dtype === "float32" ? 1e-5 : 1e-12,
        );
      }
    });
  },
);

it.each(named)("a loop of %s in %s cut into two runs gives the same bits", async (_, _dtype, c) => {
  await opened(c, async (run) => {
    const whole = await run(inputsOf(c, 9), 9);
    expectSame(await inTwoRuns(c, [4, 5], run), whole, 0);
    expectSame(await inTwoRuns(c, [1, 8], run), whole, 0);
  });
});

it.each(named)("a loop of %s in %s gives the same bits when it is repeated", async (_, _dtype, c) => {
  await opened(c, async (run) => {
    const inputs = inputsOf(c, 5);
    const first = await run(inputs, 5);
    for (let k = 0; k < 5; k++) expectSame(await run(inputs, 5), first, 0);
  });
});

const start = array([0, 1, 2, 3]);
it("unknown providers, runtimes, dtypes and numbers of threads are refused by name", async () => {
  await expect(compileOnnx(halving, { provider: "abacus" })).rejects.toThrow(RuntimeError);
  await expect(compileOnnx(halving, { provider: "abacus" })).rejects.toThrow(/no provider "abacus".*cpu/);
  await expect(compileOnnx(halving, { threads: 0.5 })).rejects.toThrow(OptionError);
  await expect(compile(halving, { runtime: "onnx", threads: -1 })).rejects.toThrow(/threads.*-1/);
  await expect(compile(halving, { runtime: "fast" as "auto" })).rejects.toThrow(
    /auto, javascript or onnx.*"fast"/,
  );
  await expect(compile(halving, { dtype: "float16" as "float32" })).rejects.toThrow(
    /float32 or float64.*"float16"/,
  );
  await expect(compile(halving, { runtime: "javascript", provider: "cpu" })).rejects.toThrow(OptionError);
});

it("steps and sequences that do not fit are refused by name", async () => {
  const executable = await compileOnnx(simplify(halving), { scan: { carry: { next: "x" } } });
  await expect(executable.run({ x: start }, { steps: -1 })).rejects.toThrow(/steps.*-1/);
  await expect(executable.run({ x: array([1, 2]) }, { steps: 1 })).rejects.toThrow(ShapeError);
  await expect(executable.run({}, { steps: 1 })).rejects.toThrow(/"x".*float32\[4\].*missing/);
  await executable.dispose();
  await expect(compileOnnx(halving, { scan: { carry: { last: "x" } } })).rejects.toThrow(/no output "last"/);
  await expect(compileOnnx(halving, { scan: { carry: { next: "y" } } })).rejects.toThrow(/no input "y"/);
  await expect(compileOnnx(halving, { scan: { carry: {}, sequences: ["z"] } })).rejects.toThrow(
    /no input "z"/,
  );
});

it("a session of two threads gives the same bits as one of a single thread", async () => {
  const { graph } = trace(({ x }) => matmul(tanh(x), x), { x: spec([300, 300]) });
  const x = uniform(1, [300, 300], -1, 1);
  const resultWith = async (options: { readonly threads?: number }) => {
    const executable = await compileOnnx(simplify(graph), options);
    const { result } = await executable.run({ x });
    await executable.dispose();
    return result;
  };
  const [one, two] = [await resultWith({ threads: 1 }), await resultWith({ threads: 2 })];
  expect(one.data).toEqual(two.data);
  setDefaultThreads(2);
  expect((await resultWith({})).data).toEqual(two.data);
  setDefaultThreads(undefined);
  for (const wrong of [0, 1.5, Number.NaN]) {
    expect(() => setDefaultThreads(wrong)).toThrow(`setDefaultThreads must be an integer >= 1; got ${wrong}`);
  }
  expect(one.data.some((v) => Number(v) !== 0)).toBe(true);
});

it("inputs and outputs may have any name without a colon, also those of a loop's own counters", async () => {
  const names = ["t0", "c0", "t", "step", "steps", "going", "loop", "body", "x.0", "é x"];
  for (const name of names) {
    const { graph } = trace(({ [name]: x, y }) => ({ [name]: add(mul(0.3, tanh(x)), y), z: mul(x, 3) }), {
      [name]: spec([2]),
      y: spec([2]),
    });
    const scan = { carry: { [name]: name } };
    const inputs = { [name]: array([1, 2]), y: array([3, 4]) };
    const simplified = simplify(graph);
    for (const options of [{}, { scan }]) {
      const executable = await compileOnnx(simplified, options);
      const expected = compileJavaScript(simplified, options).runSync(inputs, { steps: 3 });
      expectSame(await executable.run(inputs, { steps: 3 }), expected, 1e-6);
      await executable.dispose();
    }
  }
  for (const name of ["a:b", ""]) {
    const { graph } = trace(({ [name]: x }) => tanh(x), { [name]: spec([2]) });
    await expect(compileOnnx(graph)).rejects.toThrow(OptionError);
  }
});

const domainsOf = (nodes: readonly OnnxNode[]): string[] =>
  nodes.flatMap(({ domain = "", attributes }) => [
    domain,
    ...Object.values(attributes).flatMap((a) => (a.kind === "graph" ? domainsOf(a.value.nodes) : [])),
  ]);

it.skipIf(!hasPackage("onnx"))(
  "the onnx package for Python finds portable loops valid (skipped without it)",
  () => {
    const files: Record<string, Uint8Array> = {};
    for (const [name, dtype, { graph, scan }] of named) {
      const model = emitModel(graph, { portable: true, scan });
      expect(new Set(domainsOf(model.graph.nodes)), name).toEqual(new Set([""]));
      files[`${dtype} ${name}.onnx`] = encodeModel(model);
    }
    expect(runPython(checkModels, files)).toBe(`${named.length} valid`);
  },
);
