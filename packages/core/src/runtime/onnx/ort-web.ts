import { RuntimeError } from "../../errors.js";
import type { Ort } from "./ort.js";

export const platform = "web";

/**
 * ONNX Runtime as WebAssembly. Each provider has its own build, loaded on first use: the one with WebGPU is
 * twice the size, so only who asks for `webgpu` downloads it. Tensors and sessions of the two do not mix.
 *
 * @throws RuntimeError when the build cannot be loaded
 */
export async function loadOrt(provider = "wasm"): Promise<Ort> {
  try {
    return provider === "webgpu"
      ? await import("onnxruntime-web/webgpu")
      : await import("onnxruntime-web/wasm");
  } catch (cause) {
    throw new RuntimeError(
      `The ${provider} build of ONNX Runtime could not be loaded: ${String(cause)}. ` +
        "Serve onnxruntime-web with the page, or use the JavaScript runtime.",
      { cause },
    );
  }
}

/** Execution providers that can be asked for here: WebGPU only where the browser offers it. */
export async function listProviders(): Promise<readonly string[]> {
  return "gpu" in (globalThis.navigator ?? {}) ? ["wasm", "webgpu"] : ["wasm"];
}
