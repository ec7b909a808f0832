/**
 * Data sets, file formats, batches, and the order of examples.
 *
 * @module isoloss/data
 */

export { type DigitAttribute, digitAttributes } from "../data/attributes.js";

export { batches, concatenateRows, split, takeRows } from "../data/batches.js";

export type { Dataset } from "../data/dataset.js";
export { digits } from "../data/digits.js";
export { type DividedData, type DivideOptions, divide, divideOptions } from "../data/divide.js";
export { readIdx } from "../data/idx.js";
export type { LabeledImages } from "../data/labeled-images.js";

export { decodeNpy, encodeNpy, type NpyOptions } from "../data/npy.js";
export { decodeNpz } from "../data/npz.js";
export { type OverlaidImages, type OverlayOptions, overlayImages } from "../data/overlay.js";
export type { CirclesOptions, PlanarOptions, PlanarPoints, SpiralsOptions } from "../data/planar.js";
export { circles, moons, spirals } from "../data/planar.js";

export { resizeImages } from "../data/resize.js";
export type { ByteImage } from "../data/resize-bytes.js";

export { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
export type { Scale, Standardization, StandardizationOptions } from "../data/standardize.js";
export { inDataUnits, standardization, standardize } from "../data/standardize.js";
export type { DataStream } from "../data/stream.js";
export { cached } from "../data/streams/cached.js";
export { collected } from "../data/streams/collected.js";
export { concatenated } from "../data/streams/concatenated.js";
export type { ExampleStreamOptions, Examples, ExampleTransform } from "../data/streams/example-stream.js";
export { exampleStream, readEpoch } from "../data/streams/example-stream.js";
export { mapped, type Transform } from "../data/streams/mapped.js";
export { type ShuffledOptions, shuffled } from "../data/streams/shuffled.js";
export { type StreamOfOptions, streamOf } from "../data/streams/stream-of.js";
export { type WorkerStream, type WorkerStreamOptions, workerStream } from "../data/streams/worker-stream.js";
export type { PlacedValue } from "../data/tables/columns.js";
export type { TableColumn, TableDescription } from "../data/tables/description.js";
export type { ColumnEncoding } from "../data/tables/encoding.js";
export type { TableData, TableInputs, TableOf, TableOptions } from "../data/tables/table.js";
export { type CropOptions, randomCrop } from "../data/transforms/crop.js";
export { type CutoutOptions, cutout } from "../data/transforms/cutout.js";
export { type FlipOptions, randomFlip } from "../data/transforms/flip.js";
export type { ArrayOption } from "../data/transforms/images.js";
export { type MixupOptions, mixup } from "../data/transforms/mixup.js";
export { type NormalizeOptions, normalize } from "../data/transforms/normalize.js";
export { type RotationOptions, randomRotation } from "../data/transforms/rotation.js";
export { type MapKind, type ScaleCropOptions, scaleCropFlip } from "../data/transforms/scale-crop.js";
export { createRng, permutation, type Rng } from "../math/rng.js";
