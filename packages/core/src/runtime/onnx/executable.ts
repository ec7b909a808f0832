import { defaultProvider, float32Providers, inTurn, listProviders, loadOrt } from "#ort";
import { astype, type NdArray, type TypedArray } from "../../array.js";
import { DTypeError, RuntimeError } from "../../errors.js";
import { costOfPass, type Graph, requireGraph, someNode } from "../../graph/graph.js";
import { peakBytes } from "../../graph/peak-bytes.js";
import { requireKnown } from "../../options.js";
import { checkScan, type Executable, resolveInputs, type Scan, stepsOf } from "../executable.js";
import { Lifetime } from "../lifetime.js";
import { blockedDomain } from "./blocked/layout.js";
import { encodeModel } from "./codec.js";
import { emitModel, inputName, stepsInput } from "./emit.js";
import type { Ort } from "./ort.js";
import { int, ints, type OnnxModel, type OnnxNode } from "./schema.js";
import { defaultThreads, requireThreads } from "./threads.js";

type Session = Awaited<ReturnType<Ort["InferenceSession"]["create"]>>;
type OrtTensor = InstanceType<Ort["Tensor"]>;

export interface OnnxOptions {
  /** Execution provider: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Default: `cpu`, or `wasm`. */
  readonly provider?: string | undefined;
  /**
   * Threads inside an operator; default: one for small graphs, which more threads do not speed up, else all
   * cores or what `setDefaultThreads` says. In a browser, all graphs of a page share the number of threads that the first graph asks for;
   * default one.
   */
  readonly threads?: number | undefined;
  readonly scan?: Scan | undefined;
}

/**
 * Compiles a simplified graph to ONNX and opens a session of ONNX Runtime on it.
 *
 * @throws DTypeError for float64 on a provider without it; RuntimeError when the provider is not available,
 *   cannot use that many threads or has no kernel for an operation
 */
export async function compileOnnx(graph: Graph, options: OnnxOptions = {}): Promise<Executable> {
  requireGraph("compileOnnx", graph);
  const known = ["provider", "threads", "scan"] as const;
  requireKnown("compileOnnx", options, known, 'compileOnnx(graph, { provider: "cpu" })');
  const { provider = defaultProvider, threads, scan } = options;
  const start = performance.now();
  if (threads !== undefined) requireThreads("threads", threads);
  if (scan) checkScan(graph, scan);
  // The default provider is always available, and listing the others may wake up a graphics processor.
  const providers = provider === defaultProvider ? [provider] : await listProviders();
  if (!providers.includes(provider)) {
    throw new RuntimeError(
      `ONNX Runtime has no provider "${provider}" here; it has ${providers.join(", ")}. Leave the provider out to take the default.`,
    );
  }
  if (float32Providers.includes(provider) && someNode(graph, (n) => n.dtype === "float64")) {
    throw new DTypeError(
      `The provider "${provider}" computes in float32 here, and the graph has float64. Compile it with dtype: "float32", or for ${defaultProvider}.`,
    );
  }
  const ort = await loadOrt(provider, threads);
  const hasConv = someNode(graph, (n) => n.op.name.startsWith("conv2d"));
  const block = provider === "cpu" && hasConv ? await convBlock(ort) : undefined;
  const layouts = { convBlock: block, batchLast: provider === "cpu" };
  // Other providers would have to bring each condition to the processor.
  const model = emitModel(graph, { ...layouts, branches: provider === defaultProvider, scan });
  const isLarge = isLargeGraph(graph);
  const opener = sessionOpener(ort, encodeModel(model), graph, { provider, threads, isLarge });
  let session: ReturnType<typeof opener> | undefined = opener();
  await session;
  const reopened = () => {
    const opening = opener();
    // An opening that failed is tried again in the next run.
    opening.catch(() => {
      session = undefined;
    });
    return opening;
  };
  // The encoded model of a small graph is not kept.
  const reopen = isLarge ? reopened : undefined;
  const compileSeconds = (performance.now() - start) / 1000;

  const lifetime = new Lifetime("executable", "compile");
  const feed = (value: NdArray, dtype: "float32" | "float64" | "int64" | "bool"): OrtTensor => {
    const { data, shape } = astype(value, dtype);
    return new ort.Tensor(dtype, data as never, shape);
  };
  // Looked up once: small graphs run for microseconds.
  const takes = graph.inputs.map(({ name, tensor }) => ({
    name,
    to: inputName(graph, name),
    dtype: tensor.dtype,
  }));
  const gives = graph.outputs.map(({ name }) => name);

  const release = async () => {
    const opened = await session;
    session = undefined;
    if (opened) await inTurn(provider, () => opened.release());
  };

  return {
    graph,
    runtime: `onnx (${provider})`,
    compileSeconds,
    async run(inputs, options) {
      lifetime.requireOpen();
      const steps = stepsOf(options);
      const values = resolveInputs(graph, inputs, scan, steps);
      const feeds: Record<string, OrtTensor> = {};
      for (const { name, to, dtype } of takes) feeds[to] = feed(values[name], dtype);
      if (scan) feeds[stepsInput] = new ort.Tensor("int64", BigInt64Array.of(BigInt(steps)), []);
      session ??= reopen?.();
      const opened = (await session) as Session;
      let results: Awaited<ReturnType<Session["run"]>>;
      try {
        results = await inTurn(provider, () => opened.run(feeds));
      } catch (cause) {
        throw new RuntimeError(`ONNX Runtime (${provider}) could not run the graph: ${message(cause)}`, {
          cause,
        });
      }
      const outputs: Record<string, NdArray> = {};
      for (const name of gives) {
        const { dims, data } = results[name];
        outputs[name] = { shape: dims, data: data as TypedArray };
      }
      return outputs;
    },
    async unload() {
      lifetime.requireOpen();
      if (reopen) await release();
    },
    dispose: () => lifetime.end(release),
  };
}

/** Threads inside an operator where none are given. */
export const threadsFor = (graph: Graph): number =>
  costOfPass(graph, "flops") < smallGraph ? 1 : defaultThreads();

/** With fewer floating-point operations of a pass a second thread slows a run down; measured on multilayer perceptrons. */
const smallGraph = 3e7;

/**
 * Graphs whose results need much memory at once, or that read and write much in a pass, do not plan their memory beforehand, and can be
 * unloaded. The plan is one block, allocated in addition to the memory of the first run: it doubles the memory and saves a
 * negligible time in such runs.
 */
const isLargeGraph = (graph: Graph): boolean =>
  peakBytes(graph) >= 2 ** 28 || costOfPass(graph, "bytes") >= 2 ** 33;

interface SessionSettings {
  readonly provider: string;
  readonly threads: number | undefined;
  readonly isLarge: boolean;
}

const sessionOpener =
  (ort: Ort, bytes: Uint8Array, graph: Graph, settings: SessionSettings): (() => Promise<Session>) =>
  () =>
    inTurn(settings.provider, () => open(ort, bytes, graph, settings));

async function open(
  ort: Ort,
  bytes: Uint8Array,
  graph: Graph,
  { provider, threads = threadsFor(graph), isLarge }: SessionSettings,
): Promise<Session> {
  const isDouble = someNode(graph, (node) => node.dtype === "float64" && node.rank >= 2);
  const skipped = [
    // The emitter has shared equal nodes already; to look for them takes a fifth to two fifths of the time to open a large graph.
    "CommonSubexpressionElimination",
    // This fusion stores the factor of a product as a float32, even if the matrices are float64.
    ...(isDouble ? ["MatMulScaleFusion"] : []),
  ];
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: [provider],
      // The highest level only adds layout changes around convolutions, which make a training graph slower.
      graphOptimizationLevel: "extended",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      enableMemPattern: !isLarge,
      extra: {
        // Otherwise a session's threads spin while they wait for its next run, and take the cores from other
        // sessions.
        session: { force_spinning_stop: "1" },
        optimization: { disable_specified_optimizers: skipped.join(";") },
      },
    });
  } catch (cause) {
    const what = message(cause).includes("no available backend")
      ? "could not start; serve its .wasm and .mjs files with the page, or say where they are (env.wasm.wasmPaths)"
      : "could not compile the graph";
    throw new RuntimeError(`ONNX Runtime (${provider}) ${what}: ${message(cause)}`, { cause });
  }
}

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const found = new WeakMap<Ort, Promise<number | undefined>>();

/**
 * Channels of a block in ONNX Runtime's blocked convolution layout on this processor, or undefined if a small
 * convolution in that layout differs from the plain one. Tested once for each build of the runtime.
 */
export function convBlock(ort: Ort): Promise<number | undefined> {
  const known = found.get(ort) ?? probe(ort);
  found.set(ort, known);
  return known;
}

async function probe(ort: Ort): Promise<number | undefined> {
  for (const block of [16, 8]) if (await works(ort, block)) return block;
  return undefined;
}

/** Runs one pointwise convolution from two blocks of channels to two, in both layouts. */
async function works(ort: Ort, block: number): Promise<boolean> {
  const channels = 2 * block;
  const x = Float32Array.from({ length: channels * 9 }, (_, i) => ((i * 37) % 23) - 11);
  const w = Float32Array.from({ length: channels * channels }, (_, i) => ((i * 29) % 19) - 9);
  try {
    const session = await ort.InferenceSession.create(encodeModel(model(block)), { logSeverityLevel: 4 });
    const results = await session.run({
      x: new ort.Tensor("float32", x, [1, channels, 3, 3]),
      w: new ort.Tensor("float32", w, [channels, channels, 1, 1]),
    });
    const [plain, blocked] = [results.plain.data as Float32Array, results.blocked.data as Float32Array];
    await session.release();
    // Small integers: both sums are exact.
    return plain.every((v, i) => v === blocked[i]);
  } catch {
    return false;
  }
}

function model(block: number): OnnxModel {
  const channels = 2 * block;
  const shape = [channels, channels, 1, 1];
  const indices = (name: string, values: readonly number[]) => ({
    name,
    dtype: "int64" as const,
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const node = (
    opType: string,
    inputs: string[],
    output: string,
    attributes: OnnxNode["attributes"] = {},
    domain = "",
  ): OnnxNode => ({ opType, inputs, outputs: [output], attributes, domain });
  const images = { dtype: "float32" as const, shape: [1, channels, 3, 3] };
  return {
    irVersion: 9,
    opsets: [
      { domain: "", version: 18 },
      { domain: blockedDomain, version: 1 },
    ],
    producer: "isoloss",
    metadata: {},
    graph: {
      name: "probe",
      inputs: [
        { name: "x", ...images },
        { name: "w", dtype: "float32", shape },
      ],
      outputs: [
        { name: "plain", ...images },
        { name: "blocked", ...images },
      ],
      initializers: [indices("split", [2, block, 2, block, 1]), indices("shape", shape)],
      nodes: [
        node("Conv", ["x", "w"], "plain"),
        node("Reshape", ["w", "split"], "blocks"),
        node("Transpose", ["blocks"], "turned", { perm: ints([0, 2, 4, 3, 1]) }),
        node("Reshape", ["turned", "shape"], "weights"),
        node("ReorderInput", ["x"], "image", { channels_last: int(0) }, blockedDomain),
        node("Conv", ["image", "weights"], "result", { kernel_shape: ints([1, 1]) }, blockedDomain),
        node(
          "ReorderOutput",
          ["result"],
          "blocked",
          { channels: int(channels), channels_last: int(0) },
          blockedDomain,
        ),
      ],
    },
  };
}
