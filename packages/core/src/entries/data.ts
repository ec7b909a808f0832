/**
 * Data sets, file formats, batches, and the order of examples.
 *
 * @module isoloss/data
 */

export { type DigitAttribute, digitAttributes } from "../data/attributes.js";

export { batches, concatenateRows, split, takeRows } from "../data/batches.js";

export type { Dataset } from "../data/dataset.js";
export { digits } from "../data/digits.js";
export type { DividedData, DivideOptions } from "../data/divide.js";
export { divide, divideOptions } from "../data/divide.js";
export { readIdx } from "../data/idx.js";
export type { LabeledImages } from "../data/labeled-images.js";

export type { NpyOptions } from "../data/npy.js";
export { decodeNpy, encodeNpy } from "../data/npy.js";
export { decodeNpz } from "../data/npz.js";
export type { OverlaidImages, OverlayOptions } from "../data/overlay.js";
export { overlayImages } from "../data/overlay.js";
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
export type { Transform } from "../data/streams/mapped.js";
export { mapped } from "../data/streams/mapped.js";
export type { ShuffledOptions } from "../data/streams/shuffled.js";
export { shuffled } from "../data/streams/shuffled.js";
export type { StreamOfOptions } from "../data/streams/stream-of.js";
export { streamOf } from "../data/streams/stream-of.js";
export type { WorkerStream, WorkerStreamOptions } from "../data/streams/worker-stream.js";
export { workerStream } from "../data/streams/worker-stream.js";
export type { PlacedValue } from "../data/tables/columns.js";
export type { TableColumn, TableDescription } from "../data/tables/description.js";
export type { ColumnEncoding } from "../data/tables/encoding.js";
export type { TableData, TableInputs, TableOf, TableOptions } from "../data/tables/table.js";
export type { CropOptions } from "../data/transforms/crop.js";
export { randomCrop } from "../data/transforms/crop.js";
export type { CutoutOptions } from "../data/transforms/cutout.js";
export { cutout } from "../data/transforms/cutout.js";
export type { FlipOptions } from "../data/transforms/flip.js";
export { randomFlip } from "../data/transforms/flip.js";
export type { ArrayOption } from "../data/transforms/images.js";
export type { MixupOptions } from "../data/transforms/mixup.js";
export { mixup } from "../data/transforms/mixup.js";
export type { NormalizeOptions } from "../data/transforms/normalize.js";
export { normalize } from "../data/transforms/normalize.js";
export type { RotationOptions } from "../data/transforms/rotation.js";
export { randomRotation } from "../data/transforms/rotation.js";
export type { MapKind, ScaleCropOptions } from "../data/transforms/scale-crop.js";
export { scaleCropFlip } from "../data/transforms/scale-crop.js";
export type { Rng } from "../math/rng.js";
export { createRng, permutation } from "../math/rng.js";
