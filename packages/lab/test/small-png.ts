// Screenshots for the documents: 256 colors are enough for them, and a third of the bytes.
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";

interface Indexed {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each color. */
  readonly palette: readonly number[];
  /** A character for each pixel, whose code is its color. */
  readonly pixels: string;
}

/** The picture with its 256 most frequent colors, and the nearest of them for all others; computed by the browser. */
function indexed(page: Page, png: Buffer): Promise<Indexed> {
  return page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    if (!context) throw new Error("There is no canvas.");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const counts = new Map<number, number>();
    const colorAt = (k: number) => (data[4 * k] << 16) | (data[4 * k + 1] << 8) | data[4 * k + 2];
    for (let k = 0; k < width * height; k++) counts.set(colorAt(k), (counts.get(colorAt(k)) ?? 0) + 1);
    const channels = (color: number) => [color >> 16, (color >> 8) & 255, color & 255];
    const far = (a: number[], b: number[]) => a.reduce((sum, v, c) => sum + (v - b[c]) ** 2, 0);
    // Of colors that nobody tells apart, one: the rest of the palette is for others.
    const palette: number[][] = [];
    for (const [color] of [...counts].sort((a, b) => b[1] - a[1])) {
      if (palette.length === 256) break;
      const next = channels(color);
      if (palette.every((kept) => far(kept, next) > 30)) palette.push(next);
    }
    const nearest = new Map<number, string>();
    for (const color of counts.keys()) {
      const own = channels(color);
      let best = 0;
      for (let i = 1; i < palette.length; i++) if (far(palette[i], own) < far(palette[best], own)) best = i;
      nearest.set(color, String.fromCharCode(best));
    }
    let pixels = "";
    for (let k = 0; k < width * height; k++) pixels += nearest.get(colorAt(k));
    return { width, height, palette: palette.flat(), pixels };
  }, png.toString("base64"));
}

/** A screenshot with at most 256 colors, as a PNG. */
export async function smallPng(page: Page, png: Buffer): Promise<Buffer> {
  const { width, height, palette, pixels } = await indexed(page, png);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits a pixel, which are indices into the palette.
  head.set([8, 3, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++) {
    rows.write(pixels.slice(row * width, (row + 1) * width), row * (width + 1) + 1, "latin1");
  }
  const chunk = (name: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const frame = Buffer.alloc(body.length + 8);
    frame.writeUInt32BE(data.length, 0);
    frame.set(body, 4);
    frame.writeUInt32BE(crc32(body), body.length + 4);
    return frame;
  };
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("PLTE", Uint8Array.from(palette)),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}
