// Files whose weights are moved to where quantization makes least noise.
import {
  type BatchSpec,
  dtypeOf,
  type ImportedModel,
  isNdArray,
  type NdArray,
  OptionError,
  spec,
  type Tensor,
} from "isoloss";
import { describeValue, isPlainObject, type OrbitPoints, orbitPoints, requireKnown } from "isoloss/internal";
import {
  type MinimizeQuantizationNoiseOptions,
  minimizeQuantizationNoise,
  type QuantizationNoise,
} from "isoloss/moves";
import { randomInputs } from "../model-file/compare/random-inputs.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { liftBoundsIn } from "../model-file/prepare/bounds.js";
import { foldBatchNormIn } from "../model-file/prepare/fold-batch-norm.js";
import type { PreparationRow } from "../model-file/prepare/preparation.js";

type Params = Readonly<Record<string, NdArray>>;

export interface EqualizeForQuantizationOptions
  extends Omit<MinimizeQuantizationNoiseOptions, "clips" | "loss"> {
  /**
   * What becomes of bounds such as ReLU6. `expected` (default): the Clip stays, and the damage of scaling its channels is weighed as
   * noise, without data as `exact`; `lifted`: a bound a channel, exact, as Min, which ONNX Runtime does not fuse into integers; `exact`: the Clip
   * stays, and its channels are not scaled.
   */
  readonly bounds?: "expected" | "lifted" | "exact" | undefined;
}

/** A file with moved weights, and the comparison that chose them. */
export interface EqualizedModel extends QuantizationNoise<Params> {
  /** The file with the parameters of the kept candidate. */
  readonly bytes: Uint8Array;
  /**
   * The file with batch norms folded and bounds as told, before the move: `withParams(prepared, params)` of a candidate
   * is that candidate's file.
   */
  readonly prepared: Uint8Array;
  /** What folding and lifting left as it was, and why. */
  readonly unprepared: readonly PreparationRow[];
}

/**
 * Moves the weights of an ONNX file to where its quantization makes least noise: folds batch norms, finds the scalings
 * of the graph, and keeps what measures best on held-out data, as {@link minimizeQuantizationNoise} does. Only numbers of
 * the file change, so it runs as fast as before, and any quantizer may take it.
 *
 * @param bytes the bytes of an `.onnx` file that `fromOnnx` reads
 * @param calibration batches of equal shapes: arrays by the names of the model's inputs; undefined: by the weights alone, without
 *   data, for which `activations` must be `none`
 * @param options `bounds`, and those of `minimizeQuantizationNoise`
 * @throws DataError if the bytes are no ONNX model that is read; OptionError for unknown options, a missing input, or without a
 *   held-out batch; ShapeError for batches of other shapes
 *
 * @example
 * const batches = [0, 1, 2, 3].map((seed) => ({ x: torchRand(torchGenerator(seed), [2, 3, 4, 4]) }));
 * const { bytes: equalized, kept, why } = await equalizeForQuantization(before, batches);
 */
export async function equalizeForQuantization(
  bytes: Uint8Array,
  calibration: readonly Params[] | undefined,
  options: EqualizeForQuantizationOptions = {},
): Promise<EqualizedModel> {
  const known = [
    "activations",
    "bounds",
    "headRoom",
    "heldOut",
    "powersOfTwo",
    "provider",
    "runtime",
    "steps",
    "threads",
    "weights",
  ] as const;
  requireKnown(
    "equalizeForQuantization",
    options,
    known,
    'equalizeForQuantization(bytes, batches, { bounds: "lifted" })',
  );
  const { bounds = "expected", heldOut, ...rest } = options;
  if (!["expected", "lifted", "exact"].includes(bounds)) {
    throw new OptionError(
      `equalizeForQuantization: bounds must be expected, lifted or exact; got ${describeValue(bounds)}.`,
    );
  }
  const folded = foldBatchNormIn(OnnxFile.decode("equalizeForQuantization", bytes));
  const lifted = bounds === "lifted" ? liftBoundsIn(folded.file) : undefined;
  const prepared = lifted?.file ?? folded.file;
  const model = imported(prepared, { epsilons: true });
  const noise = await minimizeQuantizationNoise(
    outputsOf(model),
    model.params,
    calibration === undefined ? shapesOf(model) : numbered(model, calibration),
    {
      ...rest,
      ...(heldOut === undefined ? {} : { heldOut: numbered(model, heldOut) }),
      clips: bounds === "expected" ? "expected" : "exact",
    },
  );
  return {
    ...noise,
    unprepared: [...folded.report, ...(lifted?.report ?? [])].filter(({ changed }) => !changed),
    bytes: withParamsIn(prepared, noise.params).bytes,
    prepared: prepared.bytes,
  };
}

/** Points of the orbit of a decoded file's scalings for one rounding after another, with bounds as they are; `prepared` takes their parameters. */
export async function pointsIn(
  file: OnnxFile,
  calibration: readonly Params[],
): Promise<{ readonly points: OrbitPoints<Params>; readonly prepared: OnnxFile }> {
  const prepared = foldBatchNormIn(file).file;
  const model = imported(prepared, { epsilons: true });
  const points = await orbitPoints(outputsOf(model), model.params, numbered(model, calibration));
  return { points, prepared };
}

/** The function of a model. Names in a file may hold colons, which those of a graph's inputs must not: inputs are numbered, outputs listed. */
export const outputsOf =
  ({ inputs, outputs, apply }: ImportedModel) =>
  (params: Readonly<Record<string, Tensor>>, batch: Readonly<Record<string, Tensor>>): Tensor[] => {
    const values = Object.fromEntries(inputs.map(({ name }, k) => [name, batch[`input${k}`]]));
    const results = apply(params, values);
    return outputs.map((name) => results[name]);
  };

/** Shapes of inputs that fit a file, by the numbers of its inputs. */
function shapesOf({ inputs }: ImportedModel): BatchSpec {
  const [drawn] = randomInputs("equalizeForQuantization", inputs, { seed: 0, examples: 1, sizes: {} });
  return Object.fromEntries(
    inputs.map(({ name }, k) => [`input${k}`, spec(drawn[name].shape, dtypeOf(drawn[name]))]),
  );
}

const isList = (batches: unknown): batches is readonly Params[] =>
  Array.isArray(batches) && batches.every(isPlainObject);

export function numbered({ inputs }: ImportedModel, batches: readonly Params[]): Params[] {
  if (!isList(batches)) {
    throw new OptionError(
      `equalizeForQuantization takes a list of batches, such as [{ ${inputs[0]?.name ?? "x"}: images }]; got ${describeValue(batches)}.`,
    );
  }
  return batches.map((batch) => {
    const lost = inputs.find(({ name }) => !isNdArray(batch[name]));
    if (lost !== undefined) {
      throw new OptionError(
        `equalizeForQuantization: a batch must have an array for the model's input "${lost.name}"; it has ${Object.keys(batch).join(", ") || "nothing"}.`,
      );
    }
    return Object.fromEntries(inputs.map(({ name }, k) => [`input${k}`, batch[name]]));
  });
}
