import { whyNoOrt } from "#ort";
import { fromOnnx } from "../../nn/onnx/from-onnx.js";
import type { RuntimeName } from "../../runtime/compile.js";
import {
  type FileSession,
  type FileSessionOptions,
  openFileSession,
} from "../../runtime/onnx/file-session.js";
import { openModel } from "./run-model.js";

export interface OpenFileOptions extends FileSessionOptions {
  /** `onnx`: ONNX Runtime on the file itself; `javascript`: as `fromOnnx` reads it; `auto`: the former where it is installed. */
  readonly runtime?: RuntimeName | undefined;
}

/** Makes a model file ready to run, batch by batch, of any shapes that it takes. */
export async function openFile(bytes: Uint8Array, options: OpenFileOptions = {}): Promise<FileSession> {
  const { runtime = "auto", ...session } = options;
  return (await isNative(runtime)) ? openFileSession(bytes, session) : openImported(bytes, session.outputs);
}

/** Whether files run in ONNX Runtime. */
export const isNative = async (runtime: RuntimeName): Promise<boolean> =>
  runtime === "onnx" || (runtime === "auto" && (await whyNoOrt()) === undefined);

/** The file as `fromOnnx` reads it, compiled once for each shape of batches. */
function openImported(bytes: Uint8Array, outputs: readonly string[] | undefined): FileSession {
  const model = fromOnnx(bytes, { outputs });
  const byShape = new Map<string, FileSession>();
  return {
    async run(inputs) {
      const shape = JSON.stringify(model.inputs.map(({ name }) => inputs[name]?.shape ?? null));
      const own = byShape.get(shape) ?? (await openModel(model, inputs, { runtime: "javascript" }));
      byShape.set(shape, own);
      return own.run(inputs);
    },
    async dispose() {
      for (const own of byShape.values()) await own.dispose();
    },
  };
}
