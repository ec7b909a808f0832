import { deflateSync } from "node:zlib";
import { encode } from "fast-png";
import { jpegFile } from "isoloss-test-support/node/images/jpeg-file";
import { describe, expect, it, vi } from "vitest";
import { crc32 } from "../../../src/data/crc32.js";
import { DataError } from "../../../src/errors.js";
import { ImageReader } from "../../../src/node/images/image.js";

const reader = new ImageReader();

/** A PNG file from the parts of the format's description: a depth, a type of color, its palette and rows. */
function png(
  [width, height]: readonly [number, number],
  [depth, type]: readonly [number, number],
  rows: readonly (readonly number[])[],
  palette: readonly number[] = [],
): Uint8Array {
  const part = (name: string, content: Uint8Array) => {
    const [body, frame] = [Buffer.concat([Buffer.from(name), content]), Buffer.alloc(8)];
    frame.writeUInt32BE(content.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.from([0, 0, 0, width, 0, 0, 0, height, depth, type, 0, 0, 0]);
  const image = deflateSync(Buffer.from(rows.flatMap((row) => [0, ...row])));
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      part("IHDR", head),
      ...(palette.length > 0 ? [part("PLTE", Buffer.from(palette))] : []),
      part("IDAT", image),
      part("IEND", Buffer.alloc(0)),
    ]),
  );
}

describe("ImageReader", () => {
  it("reads PNG of gray, of color, with transparency and of 16 bits as numbers in [0, 1]", async () => {
    const gray = encode({ width: 2, height: 1, channels: 1, data: Uint8Array.from([0, 51]) });
    expect(await reader.read(gray, "a.png")).toEqual({
      width: 2,
      height: 1,
      channels: 1,
      pixels: Float32Array.from([0, 0.2]),
    });
    const color = encode({
      width: 1,
      height: 2,
      channels: 3,
      data: Uint8Array.from([255, 0, 51, 102, 153, 204]),
    });
    expect((await reader.read(color, "a.png")).pixels).toEqual(Float32Array.from([1, 0, 0.2, 0.4, 0.6, 0.8]));
    const alpha = encode({ width: 1, height: 1, channels: 4, data: Uint8Array.from([255, 0, 51, 7]) });
    expect(await reader.read(alpha, "a.png")).toMatchObject({
      channels: 3,
      pixels: Float32Array.from([1, 0, 0.2]),
    });
    const deep = encode({
      width: 2,
      height: 1,
      channels: 1,
      depth: 16,
      data: Uint16Array.from([65535, 13107]),
    });
    expect((await reader.read(deep, "a.png")).pixels).toEqual(Float32Array.from([1, 0.2]));
  });

  it("reads PNG with several pixels in a byte, and with a palette", async () => {
    // Rows of five pixels of two bits: 3 0 1 2 3 and 0 0 0 0 1.
    const packed = png(
      [5, 2],
      [2, 0],
      [
        [0b11000110, 0b11000000],
        [0, 0b01000000],
      ],
    );
    const thirds = [3, 0, 1, 2, 3, 0, 0, 0, 0, 1].map((x) => x / 3);
    expect((await reader.read(packed, "a.png")).pixels).toEqual(Float32Array.from(thirds));
    const indexed = png([2, 1], [8, 3], [[1, 0]], [255, 0, 0, 0, 51, 255]);
    expect(await reader.read(indexed, "a.png")).toEqual({
      width: 2,
      height: 1,
      channels: 3,
      pixels: Float32Array.from([0, 0.2, 1, 1, 0, 0]),
    });
  });

  it("reads JPEG, to within its losses", async () => {
    const { width, height, channels, pixels } = await reader.read(jpegFile, "a.jpg");
    expect([width, height, channels]).toEqual([16, 8, 3]);
    const worst = Math.max(
      ...pixels.map((p, i) => {
        const [x, y] = [Math.floor(i / 3) % 16, Math.floor(i / 48)];
        return Math.abs(255 * p - [16 * x, 32 * y, 128][i % 3]);
      }),
    );
    expect(worst).toBeLessThan(8);
  });

  it("reads a part of a larger buffer", async () => {
    const whole = await reader.read(jpegFile, "a.jpg");
    const part = Buffer.concat([Buffer.alloc(7, 255), jpegFile, Buffer.alloc(5)]).subarray(
      7,
      7 + jpegFile.length,
    );
    expect(await reader.read(part, "a.jpg")).toEqual(whole);
    const gray = encode({ width: 2, height: 1, channels: 1, data: Uint8Array.from([0, 51]) });
    const inside = Buffer.concat([Buffer.alloc(3), gray]).subarray(3);
    expect(await reader.read(inside, "a.png")).toEqual(await reader.read(gray, "a.png"));
  });

  it("names the file that cannot be decoded, and reads on", async () => {
    for (const end of [100, jpegFile.length - 20]) {
      const reading = reader.read(jpegFile.subarray(0, end), "photos/cut.jpg");
      await expect(reading).rejects.toThrow(DataError);
      await expect(reader.read(jpegFile.subarray(0, end), "photos/cut.jpg")).rejects.toThrow(
        /^Cannot decode the JPEG image photos\/cut\.jpg: Premature end of JPEG file.*CMYK.*Save it anew as RGB/,
      );
    }
    expect((await reader.read(jpegFile, "a.jpg")).width).toBe(16);
    const whole = encode({ width: 9, height: 9, channels: 3, data: new Uint8Array(243).fill(7) });
    const broken = Uint8Array.from(whole, (b, i) => (i === 45 ? b ^ 255 : b));
    await expect(reader.read(broken, "b.png")).rejects.toThrow(/^Cannot decode the PNG image b\.png: /);
    await expect(reader.read(whole.subarray(0, 30), "b.png")).rejects.toThrow(DataError);
  });

  it("refuses a truncated JPEG beside other readers and images, and that one alone", async () => {
    const other = new ImageReader();
    await other.read(jpegFile, "a.jpg");
    const cut = jpegFile.subarray(0, jpegFile.length - 2);
    for (const one of [reader, other]) {
      await expect(one.read(cut, "cut.jpg")).rejects.toThrow("Premature end of JPEG file");
    }
    const together = [jpegFile, cut, jpegFile].map((bytes, i) =>
      (i === 1 ? other : reader).read(bytes, `${i}`),
    );
    const ends = (await Promise.allSettled(together)).map(({ status }) => status);
    expect(ends).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("shows the first bytes of a file that is no image", async () => {
    await expect(reader.read(Uint8Array.from([0x47, 0x49, 0x46, 0x38]), "a.gif")).rejects.toThrow(
      "a.gif is neither PNG nor JPEG: its first bytes are 47 49 46 38.",
    );
    await expect(reader.read(new Uint8Array(0), "a.png")).rejects.toThrow("its first bytes are no bytes.");
  });

  it("loads the decoder of JPEG once, and not for PNG", async () => {
    let loads = 0;
    const counting = new ImageReader(async () => {
      loads++;
      return async () => ({ width: 1, height: 1, data: Uint8ClampedArray.from([0, 51, 255, 255]) });
    });
    await counting.read(encode({ width: 1, height: 1, channels: 1, data: Uint8Array.from([0]) }), "a.png");
    expect(loads).toBe(0);
    await counting.read(jpegFile, "a.jpg");
    expect((await counting.read(jpegFile, "b.jpg")).pixels).toEqual(Float32Array.from([0, 0.2, 1]));
    expect(loads).toBe(1);
  });

  it("says what to install where the decoder of JPEG is missing", async () => {
    vi.doMock("@jsquash/jpeg/decode.js", () => {
      throw new Error("Cannot find package");
    });
    try {
      await expect(new ImageReader().read(jpegFile, "a.jpg")).rejects.toThrow(
        /^JPEG images need the package @jsquash\/jpeg\. .*npm install @jsquash\/jpeg/,
      );
    } finally {
      vi.doUnmock("@jsquash/jpeg/decode.js");
    }
  });
});
