import { OptionError, type RuntimeName } from "isoloss";
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

/** What sees values inside a model, batch by batch. */
export interface Visitor {
  readonly values: readonly string[];
  readonly visit: (results: NamedValues) => void;
}

/** Visits values inside a model, inputs and outputs among them, batch by batch, so that those of one batch alone are in memory. */
export async function visitValues(
  file: OnnxFile,
  values: readonly string[],
  batches: readonly NamedValues[],
  visit: Visitor["visit"],
  { runtime, signal }: RunSettings,
): Promise<void> {
  const editor = new GraphEditor("quantizeModel", file);
  const made = new Set(values.filter((name) => editor.uses.maker(name) !== undefined));
  const inputs = values.filter((name) => !made.has(name));
  const unknown = inputs.find((name) => editor.input(name) === undefined);
  if (unknown !== undefined) {
    throw new OptionError(`The model has no value "${unknown}" that an input gives or a node makes.`);
  }
  for (const name of made) editor.addOutput(name);
  const session =
    made.size === 0 ? undefined : await openFile(editor.finish(), { outputs: [...made], runtime });
  try {
    for (const batch of batches) {
      signal?.throwIfAborted();
      const results = await session?.run(batch);
      visit({ ...results, ...Object.fromEntries(inputs.map((name) => [name, batch[name]])) });
    }
  } finally {
    await session?.dispose();
  }
}
