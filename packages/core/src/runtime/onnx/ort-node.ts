import { RuntimeError } from "../../errors.js";
import type { Ort } from "./ort.js";

/** The provider of a graph that asks for none. */
export const defaultProvider = "cpu";

/** Providers that cannot take float64: none, as the processor computes what they cannot. */
export const float32Providers: readonly string[] = [];

/** Runs a task of a session; sessions are independent here. */
export function inTurn<T>(_provider: string, task: () => Promise<T>): Promise<T> {
  return task();
}

/**
 * ONNX Runtime with its native library. Loaded on first use, so that importing Isoloss costs nothing.
 * One build serves every provider, and threads are each session's own.
 *
 * @throws RuntimeError where the package has no native library for this system
 */
export async function loadOrt(_provider?: string, _threads?: number): Promise<Ort> {
  return load();
}

/** Execution providers that this build can be asked for. `cuda` also needs NVIDIA's libraries on the system. */
export async function listProviders(): Promise<readonly string[]> {
  const { listSupportedBackends } = await load();
  return listSupportedBackends().map((backend) => backend.name);
}

/** Why ONNX Runtime cannot be had here, and what to type; undefined where it can. */
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
    // Its own files may lack others: that is a broken installation, not a missing one.
    if (/Cannot find (package|module) 'onnxruntime-node'/.test(String(cause))) {
      throw new RuntimeError(`ONNX Runtime is not installed. Type: ${install}`, { cause });
    }
    throw new RuntimeError(
      `The native library of ONNX Runtime could not be loaded: ${String(cause)}. ` +
        `Where it has a build for this system, type: ${install}. Else use the JavaScript runtime.`,
      { cause },
    );
  }
}
