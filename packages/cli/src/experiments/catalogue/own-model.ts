// Models that are not in the catalogue: ONNX files, and exports of the user's own modules.
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError, type Model, OptionError } from "isoloss";
import { readFileOrThrow } from "isoloss/node";
import { fromOnnx, trainable } from "isoloss/onnx";
import { z } from "zod";
import { namingFile, readModelFile } from "../../model/read-model.js";
import type { MadeModel } from "./models.js";
import type { Tree } from "./problems.js";

const shared = {
  /** SHA-256 of the file: a run's config has it, so that another file is not taken for it. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits")
    .optional(),
};

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
  /** Whether it takes images as [n, channels, height, width]; default false: rows of pixels. */
  images: z.boolean().optional(),
  ...shared,
});

export const ownModelSchema = z.union([onnxSchema, moduleSchema]);

export type OwnModel = z.output<typeof ownModelSchema>;

export const isOwnModel = (model: object): model is OwnModel => "onnx" in model || "module" in model;

/** File and export of `FILE#NAME`. */
function placeOf(model: OwnModel): { readonly file: string; readonly name: string } {
  if ("onnx" in model) return { file: model.onnx, name: "" };
  const at = model.module.lastIndexOf("#");
  const [file, name] =
    at < 0 ? [model.module, "default"] : [model.module.slice(0, at), model.module.slice(at + 1)];
  return { file, name };
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const read = (file: string): Promise<Uint8Array> => readFileOrThrow(file, { what: "model" });

/**
 * The same model with an absolute path and the hash of its file.
 *
 * @param config the config that names it: paths are relative to that
 * @throws DataError when it cannot be read, or is another file than the config says
 */
export async function locatedModel(model: OwnModel, config: string): Promise<OwnModel> {
  const place = placeOf(model);
  const file = resolve(dirname(config), place.file);
  const sha256 = await hashed(file, model.sha256);
  if ("onnx" in model) return { ...model, onnx: file, sha256 };
  return { ...model, module: place.name === "default" ? file : `${file}#${place.name}`, sha256 };
}

async function hashed(file: string, expected: string | undefined): Promise<string> {
  const sha256 = sha256Of(await read(file));
  if (expected === undefined || expected === sha256) return sha256;
  throw new DataError(
    `${file} has changed: its SHA-256 is ${sha256}, and the config says ${expected}. Restore the file, or leave sha256 out to take it as it is.`,
  );
}

/**
 * A model of the user's own, ready to be trained.
 *
 * @param image channels, height and width of the data
 * @throws DataError, OptionError, which say what the file should hold
 */
export async function ownModel(
  model: OwnModel,
  image: readonly [number, number, number],
  dtype: "float32" | "float64",
): Promise<MadeModel> {
  const { file, name } = placeOf(model);
  await hashed(file, model.sha256);
  if ("onnx" in model) {
    const { bytes } = await readModelFile(file);
    return namingFile(file, () => {
      const imported = fromOnnx(bytes, { dtype });
      const takesImages = imported.inputs[0]?.shape?.length === 4;
      return {
        model: trainable(imported, { output: model.output }) as unknown as MadeModel["model"],
        takesImages,
      };
    });
  }
  const value = await exportOf(file, name);
  const made = typeof value === "function" ? (value as (shape: typeof image) => unknown)(image) : value;
  return { model: requireModel(made, file, name), takesImages: model.images ?? false };
}

/** Imports the user's code. */
async function exportOf(file: string, name: string): Promise<unknown> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw new DataError(`Cannot import ${file}: ${(cause as Error).message}`, { cause });
  }
  if (name in exports) return exports[name];
  const names = Object.keys(exports).join(", ") || "nothing";
  throw new OptionError(`${file} has no export ${name}; it exports ${names}. Write module: FILE#NAME.`);
}

function requireModel(value: unknown, file: string, name: string): Model<Tree, Tree> {
  const { init, apply } = (value ?? {}) as Partial<Model<Tree, Tree>>;
  if (typeof init === "function" && typeof apply === "function") return value as Model<Tree, Tree>;
  throw new OptionError(
    `${file}: the export ${name} must be a model, { init, apply }, or a function of [channels, height, width] that returns one.`,
  );
}
