import { RuntimeError } from "../../errors.js";
import type { Ort } from "./ort.js";

/** The default provider. */
export const defaultProvider = "wasm";

/** Providers without float64: the WebGPU build has no such kernels, not even on the CPU. */
export const float32Providers: readonly string[] = ["webgpu"];

/**
 * Runs a task of a session; on WebGPU one after another, since concurrent tasks fail or corrupt each other's
 * memory.
 */
export function inTurn<T>(provider: string, task: () => Promise<T>): Promise<T> {
  if (provider !== "webgpu") return task();
  const result = lastTask.then(task);
  lastTask = result.catch(() => {});
  return result;
}

let lastTask: Promise<unknown> = Promise.resolve();

/** Number of threads of each loaded build: its thread pool is created once, and all its sessions share it. */
const threadsOf = new Map<string, number>();

/**
 * ONNX Runtime as WebAssembly. Each provider has its own build, loaded on first use: the one with WebGPU is
 * twice the size and downloaded only for `webgpu`. Tensors and sessions of the two builds cannot be mixed.
 *
 * @param threads number of threads of the build, fixed by the first call; default 1, later the fixed number
 * @throws RuntimeError when the build cannot be loaded, or cannot use that number of threads
 */
export async function loadOrt(provider: string = defaultProvider, threads?: number): Promise<Ort> {
  const settled = threadsOf.get(provider);
  if (settled !== undefined && threads !== undefined && threads !== settled) {
    throw new RuntimeError(
      `ONNX Runtime (${provider}) has ${settled} thread${settled === 1 ? "" : "s"} in this page since its first graph; ` +
        `got threads: ${threads}. All graphs of a page share them: ask for the same number from the first one on.`,
    );
  }
  const count = settled ?? threads ?? 1;
  if (count > 1 && !globalThis.crossOriginIsolated) {
    throw new RuntimeError(
      `threads: ${count} needs a page that is isolated from other origins, and this one is not. Serve it with the headers ` +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or leave threads out.",
    );
  }
  threadsOf.set(provider, count);
  try {
    const ort = await load(provider);
    ort.env.wasm.numThreads = count;
    const { wasmPaths } = ort.env.wasm;
    if (count > 1 && typeof wasmPaths !== "string")
      ort.env.wasm.wasmPaths = { ...filesOf(provider), ...wasmPaths };
    return ort;
  } catch (error) {
    if (settled === undefined) threadsOf.delete(provider);
    throw error;
  }
}

/** Why the build of the default provider is not available here, and what to type; undefined if it is available. */
export async function whyNoOrt(): Promise<string | undefined> {
  return load(defaultProvider).then(
    () => undefined,
    ({ message }: RuntimeError) => message,
  );
}

async function load(provider: string): Promise<Ort> {
  try {
    return provider === "webgpu"
      ? await import("onnxruntime-web/webgpu")
      : await import("onnxruntime-web/wasm");
  } catch (cause) {
    throw new RuntimeError(
      `The ${provider} build of ONNX Runtime could not be loaded: ${String(cause)}. ` +
        "Type: npm install onnxruntime-web, and serve it with the page; or use the JavaScript runtime.",
      { cause },
    );
  }
}

/**
 * The script and the WebAssembly of a build as separate files. A thread starts with the script that contains
 * the build, and a bundler may have made that script import the page's own. Bundlers recognize files only if
 * name and base are written like this; without a bundler, as in Vite's development server, the build's script
 * imports nothing of the page.
 */
function filesOf(provider: string) {
  const files =
    provider === "webgpu"
      ? {
          mjs: new URL("onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs", import.meta.url),
          wasm: new URL("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url),
        }
      : {
          mjs: new URL("onnxruntime-web/ort-wasm-simd-threaded.mjs", import.meta.url),
          wasm: new URL("onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url),
        };
  return files.mjs.href.includes("/onnxruntime-web/ort-") ? undefined : files;
}

/** Execution providers available here: WebGPU only if the browser offers an adapter. */
export async function listProviders(): Promise<readonly string[]> {
  const { gpu } = (globalThis.navigator ?? {}) as {
    gpu?: { requestAdapter(): Promise<object | null> } | undefined;
  };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter ? ["wasm", "webgpu"] : ["wasm"];
}
