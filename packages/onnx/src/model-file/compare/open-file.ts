import type { RuntimeName } from "isoloss";
import { type FileSession, type FileSessionOptions, isNative, openFileSession } from "isoloss/internal";
import { imported, type Runnable } from "../edit/onnx-file.js";
import { openModel } from "./run-model.js";

export interface OpenFileOptions extends FileSessionOptions {
  /** `onnx`: ONNX Runtime on the file itself; `javascript`: as `fromOnnx` reads it; `auto`: the former where it is installed. */
  readonly runtime?: RuntimeName | undefined;
}

/** Makes a model file ready to run, batch by batch, of any shapes that it takes. */
export async function openFile(file: Runnable, options: OpenFileOptions = {}): Promise<FileSession> {
  const { runtime = "auto", ...session } = options;
  return (await isNative(runtime))
    ? openFileSession(file.bytes, session)
    : openModel(imported(file, { outputs: session.outputs }), { runtime: "javascript" });
}
