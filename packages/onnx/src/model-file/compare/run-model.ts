import {
  type CompileOptions,
  type ImportedModel,
  jit,
  type NdArray,
  OptionError,
  type RuntimeName,
  type Tensor,
} from "isoloss";
import { type FileSession, type FileSessionOptions, isNative, openFileSession } from "isoloss/internal";
import { imported, type Runnable } from "../edit/onnx-file.js";
import type { NamedValues } from "./random-inputs.js";

interface RunOptions extends Pick<CompileOptions, "runtime"> {
  /** What is computed of the model's results. */
  readonly after?: (results: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
}

/** A model that is ready to run. */
interface ModelSession extends FileSession {
  /** @param params others than the model's own, of the same shapes */
  run(inputs: NamedValues, params?: NamedValues): Promise<NamedValues>;
}

/** Makes a model ready to run, compiled once for each shape of batches. */
export function openModel(
  model: ImportedModel,
  { runtime, after = (results) => results }: RunOptions,
): ModelSession {
  const { params, inputs } = model;
  // Names of a file may hold colons, which names of a graph's inputs and outputs must not.
  let names: readonly string[] = [];
  const compileFor = (x: readonly NdArray[]) =>
    jit(
      (at) => {
        const results = Object.entries(after(model.apply(at.p, named(inputs, at.x))));
        names = results.map(([name]) => name);
        return results.map(([, tensor]) => tensor);
      },
      { p: params, x },
      { runtime },
    );
  const byShape = new Map<string, Awaited<ReturnType<typeof compileFor>>>();
  return {
    async run(batch, p = params) {
      requireInputs(model, batch);
      const x = inputs.map(({ name }) => batch[name]);
      const key = JSON.stringify(x.map(({ shape }) => shape));
      const run = byShape.get(key) ?? (await compileFor(x));
      byShape.set(key, run);
      const values = await run({ p, x });
      return Object.fromEntries(values.map((value, i) => [names[i], value]));
    },
    async dispose() {
      for (const run of byShape.values()) await run.dispose();
    },
  };
}

/** What a model computes for each of some batches. */
export async function outputsOf(
  model: ImportedModel,
  batches: readonly NamedValues[],
  options: RunOptions,
): Promise<readonly NamedValues[]> {
  for (const batch of batches) requireInputs(model, batch);
  return allOutputs(openModel(model, options), batches);
}

async function allOutputs(
  session: FileSession,
  batches: readonly NamedValues[],
  signal?: AbortSignal,
): Promise<readonly NamedValues[]> {
  try {
    const outputs: NamedValues[] = [];
    for (const batch of batches) {
      signal?.throwIfAborted();
      outputs.push(await session.run(batch));
    }
    return outputs;
  } finally {
    await session.dispose();
  }
}

function requireInputs({ inputs }: ImportedModel, batch: NamedValues): void {
  const lost = inputs.find(({ name }) => !Object.hasOwn(batch, name));
  if (lost === undefined) return;
  const names = Object.keys(batch).join(", ") || "nothing";
  throw new OptionError(`The model's input "${lost.name}" is missing; the batch has ${names}.`);
}

const named = <T>(inputs: ImportedModel["inputs"], values: readonly T[]): Record<string, T> =>
  Object.fromEntries(inputs.map(({ name }, i) => [name, values[i]]));

interface OpenFileOptions extends FileSessionOptions {
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

/** What a file computes for each batch. */
export async function outputsOfFile(
  file: Runnable,
  batches: readonly NamedValues[],
  { signal, ...options }: OpenFileOptions & { readonly signal?: AbortSignal | undefined },
): Promise<readonly NamedValues[]> {
  return allOutputs(await openFile(file, options), batches, signal);
}
