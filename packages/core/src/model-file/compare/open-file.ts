import { whyNoOrt } from "#ort";
import { fromOnnx } from "../../nn/onnx/from-onnx.js";
import type { RuntimeName } from "../../runtime/compile.js";
import { type FileSession, openFileSession } from "../../runtime/onnx/file-session.js";
import { openModel } from "./run-model.js";

export interface OpenFileOptions {
  /** Names of the results; default all of the file. */
  readonly outputs?: readonly string[] | undefined;
  /** `onnx`: ONNX Runtime on the file itself; `javascript`: as `fromOnnx` reads it; `auto`: the former where it is installed. */
  readonly runtime?: RuntimeName | undefined;
}

/** Makes a model file ready to run, batch by batch, of any shapes that it takes. */
export async function openFile(bytes: Uint8Array, options: OpenFileOptions = {}): Promise<FileSession> {
  const { outputs, runtime = "auto" } = options;
  const isNative = runtime === "onnx" || (runtime === "auto" && (await whyNoOrt()) === undefined);
  return isNative
    ? openFileSession(bytes, outputs)
    : openModel(fromOnnx(bytes, { outputs }), { runtime: "javascript" });
}
