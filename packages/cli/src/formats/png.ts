import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { OptionError } from "isoloss";

/**
 * An SVG file as PNG. Text is set in DejaVu Sans, which comes with the program: a computer without fonts, and any other
 * one, gives the same pixels.
 *
 * @param svg with colors of its own: those of a page, `var(...)` and `light-dark(...)`, are unknown here
 * @param options `scale`: pixels of the PNG for a px of the SVG
 * @throws OptionError unless the scale is in (0, 10]
 *
 * @example
 * await writeFileAtomic("loss.png", await pngOf(svgText(curves({ series }, { document })), { scale: 3 }));
 */
export async function pngOf(svg: string, { scale = 2 }: { readonly scale?: number } = {}): Promise<Buffer> {
  if (!(scale > 0 && scale <= 10))
    throw new OptionError(`The scale of a PNG must be in (0, 10]; got ${scale}.`);
  const { renderAsync } = await import("@resvg/resvg-js");
  const fonts = join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
  const image = await renderAsync(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: {
      loadSystemFonts: false,
      fontFiles: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => join(fonts, name)),
      defaultFontFamily: "DejaVu Sans",
      sansSerifFamily: "DejaVu Sans",
    },
  });
  return image.asPng();
}
