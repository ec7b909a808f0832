import { RuntimeError } from "../../errors.js";
import type { Ort } from "./ort.js";

/** The default provider. */
export const defaultProvider = "cpu";

/** Providers without float64: none, since the CPU computes what a provider cannot. */
export const float32Providers: readonly string[] = [];

/** Runs a task of a session; in Node sessions are independent. */
export function inTurn<T>(_provider: string, task: () => Promise<T>): Promise<T> {
  return task();
}

/**
 * ONNX Runtime with its native library. Loaded on first use, so that importing Isoloss costs nothing.
 * One build serves all providers, and each session has its own threads.
 *
 * @throws RuntimeError if the package has no native library for this system
 */
export async function loadOrt(_provider?: string, _threads?: number): Promise<Ort> {
  return load();
}

/** Execution providers of this build. `cuda` also needs NVIDIA's libraries on the system. */
export async function listProviders(): Promise<readonly string[]> {
  const { listSupportedBackends } = await load();
  return listSupportedBackends().map((backend) => backend.name);
}

/** Why ONNX Runtime is not available here, and what to type; undefined if it is available. */
export async function whyNoOrt(): Promise<string | undefined> {
  return load().then(
    () => undefined,
    ({ message }: RuntimeError) => message,
  );
}

const install = "npm install onnxruntime-node --ignore-scripts";

async function load() {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    // A missing file inside the package means a broken installation, not a missing one.
    if (/Cannot find (package|module) 'onnxruntime-node'/.test(String(cause))) {
      throw new RuntimeError(`ONNX Runtime is not installed. Type: ${install}`, { cause });
    }
    throw new RuntimeError(
      `The native library of ONNX Runtime could not be loaded: ${String(cause)}. ` +
        `If there is a build for this system, type: ${install}. Else use the JavaScript runtime.`,
      { cause },
    );
  }
}
