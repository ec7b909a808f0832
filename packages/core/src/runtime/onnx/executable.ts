import type { NdArray, TypedArray } from "../../array.js";
import { astype } from "../../array.js";
import { OptionError, RuntimeError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { checkInputs, checkScan, type Executable, type Scan } from "../executable.js";
import { encodeModel } from "./codec.js";
import { emitModel, inputName, stepsInput } from "./emit.js";
import type { Ort } from "./ort.js";
import { listProviders, loadOrt } from "#ort";

type OrtTensor = InstanceType<Ort["Tensor"]>;

export interface OnnxOptions {
  /** Execution provider: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Default: the first that the platform has. */
  readonly provider?: string;
  /** Threads inside an operator; default 1, which is the faster choice for small models. */
  readonly threads?: number;
  readonly scan?: Scan;
}

/**
 * Compiles a simplified graph to ONNX and opens a session of ONNX Runtime on it.
 *
 * @throws RuntimeError when the provider is not available or has no kernel for an operation
 */
export async function compileOnnx(
  graph: Graph,
  { provider, threads = 1, scan }: OnnxOptions = {},
): Promise<Executable> {
  const start = performance.now();
  if (!Number.isInteger(threads) || threads < 1) {
    throw new OptionError(`threads must be an integer >= 1; got ${threads}.`);
  }
  if (scan) checkScan(graph, scan);
  const providers = await listProviders();
  const chosen = provider ?? providers.find((p) => p === "cpu" || p === "wasm") ?? providers[0];
  if (!providers.includes(chosen)) {
    throw new RuntimeError(
      `ONNX Runtime has no provider "${chosen}" here; it has ${providers.join(", ")}. Leave the provider out to take the default.`,
    );
  }
  const ort = await loadOrt(chosen);
  const model = emitModel(graph, scan ? { scan } : {});
  const session = await open(ort, encodeModel(model), chosen, threads);
  const compileSeconds = (performance.now() - start) / 1000;

  const feed = (value: NdArray, dtype: "float32" | "float64" | "int64" | "bool"): OrtTensor => {
    const { data, shape } = astype(value, dtype);
    return new ort.Tensor(dtype, data as never, shape);
  };

  return {
    graph,
    runtime: `onnx (${chosen})`,
    compileSeconds,
    async run(inputs, { steps = 1 } = {}) {
      if (!Number.isInteger(steps) || steps < 0) {
        throw new OptionError(`run: steps must be an integer >= 0; got ${steps}.`);
      }
      checkInputs(graph, inputs, scan, steps);
      const feeds: Record<string, OrtTensor> = {};
      for (const { name, tensor } of graph.inputs) feeds[inputName(graph, name)] = feed(inputs[name], tensor.dtype);
      if (scan) feeds[stepsInput] = new ort.Tensor("int64", BigInt64Array.of(BigInt(steps)), []);
      let results: Awaited<ReturnType<typeof session.run>>;
      try {
        results = await session.run(feeds);
      } catch (cause) {
        throw new RuntimeError(`ONNX Runtime (${chosen}) could not run the graph: ${message(cause)}`, { cause });
      }
      return Object.fromEntries(
        graph.outputs.map(({ name }) => {
          const { dims, data } = results[name];
          return [name, { shape: dims, data: data as TypedArray }];
        }),
      );
    },
    dispose: () => session.release(),
  };
}

async function open(ort: Ort, bytes: Uint8Array, provider: string, threads: number) {
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: [provider],
      // The highest level only adds layout changes around convolutions, which cost a training graph more than they bring.
      graphOptimizationLevel: "extended",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new RuntimeError(`ONNX Runtime (${provider}) could not compile the graph: ${message(cause)}`, { cause });
  }
}

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
