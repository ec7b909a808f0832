import { OptionError, type RuntimeName } from "isoloss";
import type { FileSession } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { openFile } from "../model-file/compare/run-model.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";

export interface RunSettings {
  readonly runtime: RuntimeName;
  /** See `FileSessionOptions`. */
  readonly floatOperands?: boolean | undefined;
  /** Ends the work with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes a file ready to give values inside it, inputs and outputs among them. */
async function openValues(
  file: OnnxFile,
  values: readonly string[],
  { runtime }: RunSettings,
): Promise<FileSession> {
  const editor = new GraphEditor("quantizeModel", file);
  const made = values.filter((name) => editor.uses.maker(name) !== undefined);
  const inputs = values.filter((name) => !made.includes(name));
  const unknown = inputs.find((name) => editor.input(name) === undefined);
  if (unknown !== undefined) {
    throw new OptionError(`The model has no value "${unknown}" that an input gives or a node makes.`);
  }
  for (const name of made) if (!editor.isOutput(name)) editor.addOutput(name);
  const outputs = [...new Set(made)];
  const session = outputs.length === 0 ? undefined : await openFile(editor.finish(), { outputs, runtime });
  return {
    async run(batch) {
      const results = session === undefined ? {} : await session.run(batch);
      return { ...results, ...Object.fromEntries(inputs.map((name) => [name, batch[name]])) };
    },
    dispose: async () => session?.dispose(),
  };
}

/** What sees values inside a model, batch by batch. */
export interface Visitor {
  readonly values: readonly string[];
  readonly visit: (results: NamedValues) => void;
}

/** Visits values inside a model, batch by batch, so that those of one batch alone are in memory. */
export async function visitValues(
  file: OnnxFile,
  values: readonly string[],
  batches: readonly NamedValues[],
  visit: (results: NamedValues, batch: number) => void,
  settings: RunSettings,
): Promise<void> {
  const session = await openValues(file, values, settings);
  try {
    for (const [i, batch] of batches.entries()) {
      settings.signal?.throwIfAborted();
      visit(await session.run(batch), i);
    }
  } finally {
    await session.dispose();
  }
}
