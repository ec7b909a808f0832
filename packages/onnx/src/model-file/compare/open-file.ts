import type { RuntimeName } from "isoloss";
import { type FileSession, type FileSessionOptions, isNative, openFileSession } from "isoloss/internal";
import { fromOnnx } from "../../import/from-onnx.js";
import { openModel } from "./run-model.js";

export interface OpenFileOptions extends FileSessionOptions {
  /** `onnx`: ONNX Runtime on the file itself; `javascript`: as `fromOnnx` reads it; `auto`: the former where it is installed. */
  readonly runtime?: RuntimeName | undefined;
}

/** Makes a model file ready to run, batch by batch, of any shapes that it takes. */
export async function openFile(bytes: Uint8Array, options: OpenFileOptions = {}): Promise<FileSession> {
  const { runtime = "auto", ...session } = options;
  return (await isNative(runtime))
    ? openFileSession(bytes, session)
    : openModel(fromOnnx(bytes, { outputs: session.outputs }), { runtime: "javascript" });
}
