import { RuntimeError } from "../../errors.js";
import type { Ort } from "./ort.js";

/** The provider of a graph that asks for none. */
export const defaultProvider = "wasm";

/** Providers that cannot take float64: the build with WebGPU has no such kernels, not even on the processor. */
export const float32Providers: readonly string[] = ["webgpu"];

/** Runs a task of a session; on WebGPU after those before it, as two at a time fail or spoil each other's memory. */
export function inTurn<T>(provider: string, task: () => Promise<T>): Promise<T> {
  if (provider !== "webgpu") return task();
  const result = lastTask.then(task);
  lastTask = result.catch(() => {});
  return result;
}

let lastTask: Promise<unknown> = Promise.resolve();

/** Threads of each build that was loaded: its pool is made once, and all its sessions share it. */
const threadsOf = new Map<string, number>();

/**
 * ONNX Runtime as WebAssembly. Each provider has its own build, loaded on first use: the one with WebGPU is
 * twice the size, so only who asks for `webgpu` downloads it. Tensors and sessions of the two do not mix.
 *
 * @param threads of the build, settled by the first call; default 1, later what the first call settled
 * @throws RuntimeError when the build cannot be loaded, or cannot have that number of threads
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

/** Why the build of the default provider cannot be had here, and what to type; undefined where it can. */
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
 * The script and the WebAssembly of a build as files of their own. A thread starts with the script that holds the build,
 * and a bundler may have made that import the page's own. Bundlers find files only where name and base are written like
 * this; where none did, as in Vite's development server, the build's script imports nothing of the page.
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

/** Execution providers that can be asked for here: WebGPU only where the browser offers an adapter. */
export async function listProviders(): Promise<readonly string[]> {
  const { gpu } = (globalThis.navigator ?? {}) as {
    gpu?: { requestAdapter(): Promise<object | null> } | undefined;
  };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter ? ["wasm", "webgpu"] : ["wasm"];
}
