import { float32Providers, whyNoOrt } from "#ort";
import { describeValue, OptionError } from "../errors.js";
import { costOf, type Graph, requireGraph, someNode } from "../graph/graph.js";
import { retype } from "../graph/retype.js";
import { simplify } from "../graph/simplify.js";
import { requireKnown } from "../options.js";
import type { Executable, Scan } from "./executable.js";
import { compileProgram, executableOf } from "./javascript/executable.js";
import { keeping, keepProgram, knownProgram, programKey } from "./program-cache.js";

export type RuntimeName = "auto" | "javascript" | "onnx";

export interface CompileOptions {
  /**
   * `javascript`, `onnx`, or `auto` (default): the faster one for the size of the graph. Without ONNX
   * Runtime, which is installed separately, `auto` is JavaScript, and the executable's `advice` says how much
   * slower that is.
   */
  readonly runtime?: RuntimeName | undefined;
  /** Execution provider of ONNX Runtime: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Implies `onnx`. */
  readonly provider?: string | undefined;
  /** Threads inside an operator of ONNX Runtime; default: one for small graphs, else all cores. */
  readonly threads?: number | undefined;
  /** Computes the graph with all its floats in this precision. JavaScript always computes in float64. */
  readonly dtype?: "float32" | "float64" | undefined;
  /** Runs the graph as a loop: see {@link Scan}. */
  readonly scan?: Scan | undefined;
}

/** Names of the compile options that functions which compile pass on. */
export const compileOptionNames = ["runtime", "provider", "threads"] as const;

/** Picks the options that say where a graph runs from an object with more options. */
export const pickCompileOptions = ({ runtime, provider, threads }: CompileOptions): CompileOptions => ({
  runtime,
  provider,
  threads,
});

/**
 * Compiles a graph: simplifies it, chooses a runtime and prepares it to run.
 *
 * @throws RuntimeError when the requested runtime or provider is not available here; OptionError for unknown
 *   names
 *
 * @example
 * const { graph } = trace(({ x }) => sum(square(x)), { x: spec([3], "float64") });
 * const executable = await compile(graph);
 * const { result } = await executable.run({ x: array([1, 2, 3], "float64") }); // 14
 */
export async function compile(graph: Graph, options: CompileOptions = {}): Promise<Executable> {
  requireGraph("compile", graph);
  const names = [...compileOptionNames, "dtype", "scan"] as const;
  requireKnown("compile", options, names, 'compile(graph, { runtime: "javascript" })');
  const { runtime = "auto", provider, threads, dtype, scan } = options;
  const start = performance.now();
  if (!["auto", "javascript", "onnx"].includes(runtime)) {
    throw new OptionError(`runtime must be auto, javascript or onnx; got ${describeValue(runtime)}.`);
  }
  if (dtype !== undefined && dtype !== "float32" && dtype !== "float64") {
    throw new OptionError(`dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  if (provider !== undefined && runtime === "javascript") {
    throw new OptionError(
      `A provider ("${provider}") is for the onnx runtime; the requested runtime is javascript.`,
    );
  }
  const loop = scan ? { scan } : {};
  const isOnnx = runtime === "onnx" || provider !== undefined;
  const isKept = keeping.anew === 0 && (keeping.sessions > 0 || !isOnnx);
  const key = isKept ? programKey(graph, options) : undefined;
  const seconds = () => (performance.now() - start) / 1000;
  const program = knownProgram(key);
  if (program) return executableOf(program, seconds());
  if (keeping.sessions > 0) {
    const { lentExecutable } = await import("./kept-executables.js");
    const known = lentExecutable(key);
    if (known) return { ...known, compileSeconds: seconds() };
  }
  const simplified = simplify(dtype ? retype(graph, dtype) : graph);
  const asked = runtime !== "auto" ? runtime : provider !== undefined ? "onnx" : undefined;
  const preferred = asked ?? chooseRuntime(simplified, scan);
  const why = asked === undefined && preferred === "onnx" ? await whyNoOrt() : undefined;
  if (preferred === "onnx" && why === undefined) {
    // Loaded when it is used: pages that compute in JavaScript have no use for it.
    const { compileOnnx } = await import("./onnx/executable.js");
    const { keptExecutable } = await import("./kept-executables.js");
    const executable = await compileOnnx(simplified, { ...loop, provider, threads });
    return { ...(await keptExecutable(key, executable, threads)), compileSeconds: seconds() };
  }
  const compiled = compileProgram(simplified, scan);
  // One that runs here for want of ONNX Runtime says so.
  if (why === undefined) keepProgram(key, compiled);
  const executable = executableOf(compiled, seconds());
  return why === undefined ? executable : { ...executable, advice: adviceFor(simplified, scan, why) };
}

/** Whether a graph has float64, and is to run where there is none. */
export function lacksFloat64(graph: Graph, { provider }: CompileOptions): boolean {
  const isFloat32 = provider !== undefined && float32Providers.includes(provider);
  return isFloat32 && someNode(graph, (n) => n.dtype === "float64");
}

/** Bytes that stay in the cache of a core. */
const cached = 2 ** 22;

/** Estimated microseconds of a step in each runtime; constants measured on a current x86 core. */
export function estimate(graph: Graph, scan?: Scan): { javascript: number; onnx: number } {
  requireGraph("estimate", graph);
  const { nodes, flops, bytes } = costOf(graph);
  const call = scan ? 1 : 12;
  return {
    javascript: 0.1 + flops * 5e-4 + Math.max(0, bytes - cached) * 2e-4,
    onnx: call + 0.5 * nodes + flops * 2e-5 + bytes * 1e-4,
  };
}

function adviceFor(graph: Graph, scan: Scan | undefined, why: string): string {
  const { javascript, onnx } = estimate(graph, scan);
  return `This graph runs as JavaScript; ONNX Runtime is expected to be ${(javascript / onnx).toPrecision(2)} times as fast. ${why}`;
}

/** The runtime estimated to be faster among those that can compute the graph, assuming that both are installed. */
export function chooseRuntime(graph: Graph, scan?: Scan): "javascript" | "onnx" {
  requireGraph("chooseRuntime", graph);
  const unsupported = someNode(graph, (n) => n.dtype === "float64" && n.op.onnx.float32Only === true);
  if (unsupported) return "javascript";
  const { javascript, onnx } = estimate(graph, scan);
  return javascript <= onnx ? "javascript" : "onnx";
}
