import { type ImportedModel, type NdArray, OptionError, type RuntimeName } from "isoloss";
import {
  describeValue,
  finite,
  integerFrom,
  isPlainObject,
  Lifetime,
  type OptionsOf,
  oneOf,
  optionTable,
} from "isoloss/internal";
import { comparisonOf, type ModelComparison } from "./compare-models.js";
import { axisSizes, type NamedValues, randomInputs } from "./random-inputs.js";
import { openModel } from "./run-model.js";

export interface ParamsComparisonOptions extends OptionsOf<typeof paramsComparisonOptions> {}

export interface CompareParamsOptions extends OptionsOf<typeof compareParamsOptions> {}

const paramsComparisonOptions = optionTable("createParamsComparison", {
  /** Size of a first axis that the file leaves open; if all are fixed, the number of runs; default 4. */
  examples: integerFrom(1).default(4),
  /** Sizes of other open axes, by their name in the file or as `input[axis]`; default 32 each. */
  sizes: axisSizes.default({}),
  /** Where the model runs: `javascript`, `onnx`, or `auto` (default), the faster one for its size. */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
});

const compareParamsOptions = optionTable("compare", {
  /** Seed of the random inputs; default 0. */
  seed: integerFrom(0).default(0),
  /** What inputs of floats are multiplied by: farther from zero, units switch on that small numbers never reach. Default 1. */
  factor: finite.default(1),
});

/** A model that is compiled once, to be compared with itself at other parameters. */
export interface ParamsComparison {
  /** The differences of the outputs on random inputs: at the model's own parameters, and at others of the same names and shapes. */
  compare(params: NamedValues, options?: CompareParamsOptions): Promise<ModelComparison>;
  /** Releases what was compiled. */
  dispose(): Promise<void>;
}

/**
 * Compiles a model for {@link ParamsComparison.compare}: what `compareModels` measures of two files, max |a - b| / max |a| for each
 * output, again and again at other parameters of one model.
 *
 * @param model such as `fromOnnx` reads
 * @throws OptionError for options out of range and an unknown axis; DataError, ShapeError if the model cannot be run
 *
 * @example
 * const model = fromOnnx(before);
 * const comparison = await createParamsComparison(model);
 * const { largest } = await comparison.compare(model.params, { seed: 1 }); // 0
 * await comparison.dispose();
 */
export async function createParamsComparison(
  model: ImportedModel,
  options: ParamsComparisonOptions = {},
): Promise<ParamsComparison> {
  const { runtime, ...settings } = paramsComparisonOptions.read(options);
  const inputsOf = (seed: number) =>
    randomInputs("createParamsComparison", model.inputs, { ...settings, seed });
  const session = openModel(model, { runtime });
  // What cannot run is known here.
  await session.run(inputsOf(0)[0]);
  const lifetime = new Lifetime("comparison", "createParamsComparison");
  return {
    async compare(params, compareOptions = {}) {
      lifetime.requireOpen();
      const { seed, factor } = compareParamsOptions.read(compareOptions);
      requireParams(model, params);
      const [expected, got]: NamedValues[][] = [[], []];
      for (const inputs of inputsOf(seed)) {
        const batch = factor === 1 ? inputs : scaled(inputs, factor);
        expected.push(await session.run(batch));
        got.push(await session.run(batch, params));
      }
      return comparisonOf("compare", model.outputs, expected, got);
    },
    dispose: () => lifetime.end(() => session.dispose()),
  };
}

function requireParams({ params: own }: ImportedModel, params: unknown): void {
  if (!isPlainObject(params)) {
    throw new OptionError(`compare takes arrays by the names of model.params; got ${describeValue(params)}.`);
  }
  const lost = Object.keys(own).find((name) => !Object.hasOwn(params, name));
  if (lost === undefined) return;
  throw new OptionError(`compare takes all of the model's parameters; "${lost}" is missing.`);
}

/** Inputs of floats times a factor; the others as they are. */
function scaled(inputs: NamedValues, factor: number): NamedValues {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]): [string, NdArray] => {
      const isFloat = data instanceof Float32Array || data instanceof Float64Array;
      return [name, { shape, data: isFloat ? data.map((x) => factor * x) : data } as NdArray];
    }),
  );
}
