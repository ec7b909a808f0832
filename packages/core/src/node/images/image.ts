// Images as numbers: PNG and JPEG, known by their first bytes.

import { type NdArray, ndarray } from "../../array.js";
import { firstBytes } from "../../bytes.js";
import { DataError } from "../../errors.js";
import { type JpegDecoder, loadJpegDecoder } from "./jpeg.js";

/** Pixels in [0, 1], row by row; gray, or red, green and blue beside each other. Transparency is left out. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Float32Array;
}

const starts = (bytes: Uint8Array, first: readonly number[]): boolean =>
  first.every((byte, i) => bytes[i] === byte);

const isPng = (bytes: Uint8Array): boolean => starts(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const isJpeg = (bytes: Uint8Array): boolean => starts(bytes, [0xff, 0xd8, 0xff]);

/**
 * Whether bytes start as an image that can be read does.
 *
 * @example
 * isImage(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)); // true
 */
export const isImage = (bytes: Uint8Array): boolean => isPng(bytes) || isJpeg(bytes);

/**
 * Reads PNG (package fast-png) and JPEG (package @jsquash/jpeg), known by their first bytes, not by names. The decoder of JPEG is
 * loaded with the first such image. Images are not turned as cameras say.
 *
 * @example
 * const { width, height, pixels } = await new ImageReader().read(pngFile, "a.png");
 */
export class ImageReader {
  private jpeg: Promise<JpegDecoder> | undefined;

  constructor(private readonly load: () => Promise<JpegDecoder> = loadJpegDecoder) {}

  /**
   * @param path of the image, for messages
   * @throws DataError when the bytes are no image of a known format, or are damaged
   */
  async read(bytes: Uint8Array, path: string): Promise<Image> {
    if (!isImage(bytes)) {
      throw new DataError(`${path} is neither PNG nor JPEG: its first bytes are ${firstBytes(bytes)}.`);
    }
    const decode = isPng(bytes) ? decodePng : await this.jpegDecoder();
    try {
      return await decode(bytes);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DataError(
        `Cannot decode the ${isPng(bytes) ? "PNG" : "JPEG"} image ${path}: ${reason}. Is it truncated, or of a rare kind such as CMYK? Save it anew as RGB.`,
        { cause },
      );
    }
  }

  private async jpegDecoder(): Promise<(bytes: Uint8Array) => Promise<Image>> {
    this.jpeg ??= this.load();
    const decode = await this.jpeg;
    return async (bytes) => {
      const { width, height, data } = await decode(bytes);
      return imageOf({ width, height, samples: data, stride: 4, largest: 255 });
    };
  }
}

interface Samples {
  readonly width: number;
  readonly height: number;
  readonly samples: ArrayLike<number>;
  /** Samples of a pixel: 1 or 2 of gray, 3 or 4 of color, alpha last. */
  readonly stride: number;
  readonly largest: number;
}

function imageOf({ width, height, samples, stride, largest }: Samples): Image {
  const channels = stride < 3 ? 1 : 3;
  const pixels = new Float32Array(width * height * channels);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = samples[Math.floor(i / channels) * stride + (i % channels)] / largest;
  }
  return { width, height, channels, pixels };
}

async function decodePng(bytes: Uint8Array): Promise<Image> {
  const { convertIndexedToRgb, decode } = await import("fast-png").catch((cause) => {
    throw new DataError(
      "PNG images need the package fast-png. Install it beside isoloss: npm install fast-png.",
      { cause },
    );
  });
  const png = decode(bytes, { checkCrc: true });
  const { width, height, depth, channels, data, palette } = png;
  if (palette !== undefined) {
    const samples = convertIndexedToRgb(png);
    return imageOf({ width, height, samples, stride: samples.length / (width * height), largest: 255 });
  }
  const samples = depth < 8 ? unpacked(data, { width, height, depth }) : data;
  return imageOf({ width, height, samples, stride: channels, largest: 2 ** depth - 1 });
}

/** Gray of 1, 2 or 4 bits, several in a byte; each row starts with a new byte. */
function unpacked(
  data: ArrayLike<number>,
  { width, height, depth }: { readonly width: number; readonly height: number; readonly depth: number },
): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const samples = new Uint8Array(width * height);
  for (let i = 0; i < samples.length; i++) {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)];
    samples[i] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return samples;
}

/**
 * The channels of an image as rows of pixels, [channels, height * width]; gray of color by the weights of ITU-R BT.601, color of
 * gray by three equal channels.
 *
 * @example
 * planesOf({ width: 2, height: 1, channels: 1, pixels: Float32Array.of(0, 1) }, 3).shape; // [3, 2]
 */
export function planesOf(
  { pixels, channels: own, width, height }: Image,
  channels: 1 | 3,
): NdArray<Float32Array> {
  const area = width * height;
  const planes = new Float32Array(channels * area);
  for (let i = 0; i < planes.length; i++) {
    const [c, at] = [Math.floor(i / area), (i % area) * own];
    if (own === 1) planes[i] = pixels[at];
    else if (channels === 3) planes[i] = pixels[at + c];
    else planes[i] = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
  }
  return ndarray(planes, [channels, area]);
}
