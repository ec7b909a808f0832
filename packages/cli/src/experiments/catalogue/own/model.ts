// Models that are not in the catalogue: ONNX files, and exports of the user's own modules.
import { type Model, OptionError } from "isoloss";
import { fromOnnx, trainable } from "isoloss-onnx";
import { z } from "zod";
import { namingFile, readModelFile } from "../../../formats/read-model.js";
import type { MadeModel } from "../models.js";
import type { Tree } from "../problems.js";
import { checkFiles, exportOf, type NamedFiles, ownFunction, placeInModule, sha256Schema } from "./file.js";

const shared = { sha256: sha256Schema.optional() };

const onnxSchema = z.strictObject({
  /** An ONNX file; its weights are the start. */
  onnx: z.string().min(1),
  /** The result that is trained; default the only one. */
  output: z.string().min(1).optional(),
  ...shared,
});

const moduleSchema = z.strictObject({
  /** A JavaScript module, and the name of its export: FILE#NAME; without a name the default export. */
  module: z.string().min(1),
  /** Whether it takes images as [n, channels, height, width], or rows; default as the data are: the library's are rows. */
  images: z.boolean().optional(),
  ...shared,
});

export const ownModelSchema = z.union([onnxSchema, moduleSchema]);

export type OwnModel = z.output<typeof ownModelSchema>;

export const isOwnModel = (model: object): model is OwnModel => "onnx" in model || "module" in model;

export const modelFile = (model: OwnModel): NamedFiles => ({
  what: "model",
  keys: ["onnx" in model ? "onnx" : "module"],
});

/**
 * A model of the user's own, ready to be trained.
 *
 * @param shape of an example: [channels, height, width], or [inputs]
 * @throws DataError, OptionError, which say what the file should hold
 */
export async function ownModel(
  model: OwnModel,
  shape: readonly number[],
  dtype: "float32" | "float64",
): Promise<MadeModel> {
  await checkFiles(model, modelFile(model));
  if ("onnx" in model) {
    const { bytes } = await readModelFile(model.onnx);
    return namingFile(model.onnx, () => {
      const imported = fromOnnx(bytes, { dtype });
      const axes = imported.inputs[0]?.shape?.length;
      return {
        model: trainable(imported, { output: model.output }) as unknown as MadeModel["model"],
        takesImages: axes === 4 ? true : axes === 2 ? false : undefined,
      };
    });
  }
  const place = placeInModule(model.module);
  const value = await exportOf(place);
  // A program of the kind module has a model.
  const given = (value as { readonly model?: unknown } | null)?.model ?? value;
  const made = typeof given === "function" ? await ownFunction(place, "model", given as never)(shape) : given;
  return { model: requireModel(made, place), takesImages: model.images };
}

function requireModel(value: unknown, place: ReturnType<typeof placeInModule>): Model<Tree, Tree> {
  const { init, apply } = (value ?? {}) as Partial<Model<Tree, Tree>>;
  if (typeof init === "function" && typeof apply === "function") {
    return {
      init: ownFunction(place, "init", init.bind(value)),
      apply: ownFunction(place, "apply", apply.bind(value)),
    };
  }
  throw new OptionError(
    `${place.file}: the export ${place.name} must be a model, { init, apply }, or a function of [channels, height, width], of a table of [inputs], that returns one.`,
  );
}
