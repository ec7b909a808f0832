/**
 * Data sets, file formats, batches, and the order of examples.
 *
 * @module isoloss/data
 */

export type { Rng } from "../math/rng.js";
export { createRng, permutation } from "../math/rng.js";
export type { DigitAttribute } from "./attributes.js";
export { attributesOf, digitAttributes } from "./attributes.js";
export { batches, concatenateRows, split, takeRows } from "./batches.js";
export type { FaceAttributes } from "./celeba.js";
export { parseFaceAttributes, parseFaceParts } from "./celeba.js";
export type { Dataset } from "./dataset.js";
export { digits } from "./digits.js";
export type { DividedData, DivideOptions } from "./divide.js";
export { divide, divideOptions } from "./divide.js";
export { parseIdx, readIdx } from "./idx.js";
export type { LabeledImages } from "./labeled-images.js";
export type { Molecule, MoleculeBatch } from "./molecules.js";
export { moleculeBatch } from "./molecules.js";
export type { NpyOptions } from "./npy.js";
export { decodeNpy, encodeNpy } from "./npy.js";
export { decodeNpz } from "./npz.js";
export type { OverlaidImages, OverlayOptions } from "./overlay.js";
export { overlayImages } from "./overlay.js";
export type { CirclesOptions, PlanarOptions, PlanarPoints, SpiralsOptions } from "./planar.js";
export { circles, moons, spirals } from "./planar.js";
export type { Lines, Qm9, Qm9Files } from "./qm9.js";
export { parseQm9, qm9Tasks, readSdf } from "./qm9.js";
export { qm9FromArrays } from "./qm9-arrays.js";
export type { Qm9StreamOptions, Qm9Streams } from "./qm9-streams.js";
export { qm9Streams } from "./qm9-streams.js";
export { resizeImages } from "./resize.js";
export type { ByteImage } from "./resize-bytes.js";
export { resizeBytes } from "./resize-bytes.js";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.js";
export type { Scale, Standardization, StandardizationOptions } from "./standardize.js";
export {
  inDataUnits,
  standardization,
  standardizationOptions,
  standardize,
} from "./standardize.js";
export type { DataStream } from "./stream.js";
export { cached } from "./streams/cached.js";
export { collected } from "./streams/collected.js";
export { concatenated } from "./streams/concatenated.js";
export type { ExampleStreamOptions, Examples, ExampleTransform } from "./streams/example-stream.js";
export { exampleStream, readEpoch } from "./streams/example-stream.js";
export type { Transform } from "./streams/mapped.js";
export { mapped } from "./streams/mapped.js";
export type { ShuffledOptions } from "./streams/shuffled.js";
export { shuffled } from "./streams/shuffled.js";
export type { StreamOfOptions } from "./streams/stream-of.js";
export { streamOf } from "./streams/stream-of.js";
export type { WorkerStream, WorkerStreamOptions } from "./streams/worker-stream.js";
export { workerStream, workerStreamOptions } from "./streams/worker-stream.js";
export type { PlacedValue } from "./tables/columns.js";
export type { TableColumn, TableDescription } from "./tables/description.js";
export type { ColumnEncoding } from "./tables/encoding.js";
export type { TableData, TableInputs, TableOf, TableOptions } from "./tables/table.js";
export type { CropOptions } from "./transforms/crop.js";
export { cropOptions, randomCrop } from "./transforms/crop.js";
export type { CutoutOptions } from "./transforms/cutout.js";
export { cutout, cutoutOptions } from "./transforms/cutout.js";
export type { FlipOptions } from "./transforms/flip.js";
export { flipOptions, randomFlip } from "./transforms/flip.js";
export type { ArrayOption } from "./transforms/images.js";
export type { MixupOptions } from "./transforms/mixup.js";
export { mixup, mixupOptions } from "./transforms/mixup.js";
export type { NormalizeOptions } from "./transforms/normalize.js";
export { normalize, normalizeOptions } from "./transforms/normalize.js";
export type { RotationOptions } from "./transforms/rotation.js";
export { randomRotation, rotationOptions } from "./transforms/rotation.js";
export type { MapKind, ScaleCropOptions } from "./transforms/scale-crop.js";
export { scaleCropFlip } from "./transforms/scale-crop.js";
