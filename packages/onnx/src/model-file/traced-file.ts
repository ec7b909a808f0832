import { type Graph, type ImportedModel, type Tensor, trace } from "isoloss";
import { analyze, type Discovery } from "isoloss/symmetry";
import { randomInputs } from "./compare/random-inputs.js";
import { imported, type Runnable } from "./edit/onnx-file.js";

export interface TracedFileSettings {
  /** Sizes of axes that the file leaves open. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Which tensors are parameters; default those of `fromOnnx`. */
  readonly isParameter?: ((name: string) => boolean) | undefined;
  /** Whether epsilons of normalizations are parameters, too. */
  readonly epsilons?: boolean | undefined;
  /** Whether factors of GELUs are. */
  readonly factors?: boolean | undefined;
}

/** A model file as a graph of its parameters, and the symmetries that keep its outputs. */
export interface TracedFile {
  readonly model: ImportedModel;
  /** Its parameters are inputs of their names in `model.params`. */
  readonly graph: Graph;
  /** Looked for when it is first asked for. */
  readonly found: Discovery;
  /** The values of the file that are outputs, by name. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/** Examples with which a model is traced whose number the file leaves open. */
const examples = 4;

/**
 * Traces a file and looks for its symmetries.
 *
 * @param op names the function in errors
 * @param kept the outputs that must stay; default all
 * @throws DataError, OptionError, ShapeError when the file cannot be traced
 */
export function tracedFile(
  op: string,
  file: Runnable,
  { sizes, ...settings }: TracedFileSettings,
  kept?: readonly string[],
): TracedFile {
  const model = imported(file, settings);
  const [x] = randomInputs(op, model.inputs, { seed: 0, examples, sizes });
  const values = new Map<string, Tensor>();
  const traced = trace(
    (at) => {
      const results = model.apply(at.p, at.x);
      for (const [name, tensor] of Object.entries(results)) values.set(name, tensor);
      return results;
    },
    { p: model.params, x },
  );
  const isKept = (name: string) => kept === undefined || kept.includes(name);
  const graph = {
    inputs: traced.graph.inputs.map(({ name, tensor }) => ({
      name: name.startsWith("p.") ? name.slice("p.".length) : name,
      tensor,
    })),
    outputs: traced.graph.outputs.filter(({ name }) => isKept(name)),
  };
  let found: Discovery | undefined;
  return {
    model,
    graph,
    values,
    get found() {
      found ??= analyze(graph, Object.keys(model.params));
      return found;
    },
  };
}
