import { inflateSync } from "node:zlib";
import { OptionError } from "isoloss";
import { curves, svgText } from "isoloss-figures";
import { expect, it } from "vitest";
import { pngOf } from "../../src/formats/png.js";

/** Pixels of a PNG of 8-bit RGBA without interlacing (W3C, "Portable Network Graphics", sections 5, 7 and 9). */
function pixels(png: Buffer) {
  expect(png.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  expect([...png.subarray(24, 29)]).toEqual([8, 6, 0, 0, 0]);
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const end = at + 8 + png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, end));
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = 4 * width;
  const data = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let i = 0; i < stride; i++) {
      const a = i < 4 ? 0 : data[y * stride + i - 4];
      const b = y === 0 ? 0 : data[(y - 1) * stride + i];
      const c = y === 0 || i < 4 ? 0 : data[(y - 1) * stride + i - 4];
      const p = a + b - c;
      const near = [a, b, c].reduce((best, v) => (Math.abs(p - v) < Math.abs(p - best) ? v : best));
      data[y * stride + i] = raw[y * (stride + 1) + 1 + i] + [0, a, b, (a + b) >> 1, near][filter];
    }
  }
  const at = (x: number, y: number) => [...data.subarray(y * stride + 4 * x, y * stride + 4 * x + 4)];
  /** How many pixels of a rectangle are dark. */
  const ink = (x0: number, y0: number, x1: number, y1: number) => {
    let count = 0;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (at(x, y)[1] < 128) count++;
    return count;
  };
  return { width, height, at, ink };
}

const svg = (content: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40" viewBox="0 0 60 40" font-family="system-ui, sans-serif" font-size="20"><rect width="60" height="40" fill="#fff"/>${content}</svg>`;

it("draws at the scale that is asked for", async () => {
  const { width, height, at } = pixels(
    await pngOf(svg('<rect x="10" y="10" width="20" height="5" fill="#d55e00"/>'), { scale: 3 }),
  );
  expect([width, height]).toEqual([180, 120]);
  expect(at(29, 30)).toEqual([255, 255, 255, 255]);
  expect(at(30, 30)).toEqual([0xd5, 0x5e, 0, 255]);
  expect(at(89, 44)).toEqual([0xd5, 0x5e, 0, 255]);
  expect(at(90, 45)).toEqual([255, 255, 255, 255]);
});

it("has text, bold text and superscripts without a font of the system", async () => {
  const draw = async (text: string) => pixels(await pngOf(svg(text), { scale: 1 })).ink(0, 0, 60, 40);
  const plain = await draw('<text x="5" y="30">MM</text>');
  expect(plain).toBeGreaterThan(60);
  expect(await draw('<text x="5" y="30" font-weight="600">MM</text>')).toBeGreaterThan(1.2 * plain);
  expect(await draw('<text x="5" y="30">⁻⁴</text>')).toBeGreaterThan(5);
});

it("draws a figure with the same bytes every time", async () => {
  const series = [{ name: "a", runs: [{ steps: [0, 1, 2], values: [3, 2, 1] }] }];
  const figure = () => svgText(curves({ series }));
  const [one, two] = [await pngOf(figure()), await pngOf(figure())];
  expect(one.equals(two)).toBe(true);
  const { width, height, ink } = pixels(one);
  expect([width, height]).toEqual([1280, 800]);
  expect(ink(0, 0, 1280, 800)).toBeGreaterThan(1000);
});

it.each([0, -1, 11, Number.NaN])("refuses the scale %d", async (scale) => {
  await expect(pngOf(svg(""), { scale })).rejects.toThrow(OptionError);
});
