import type { FigureFormat } from "./format.js";

/** Offers text or bytes as a file. */
export function save(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Milliseconds in which lines are written at a time: those of a long run take seconds. */
const slice = 30;

/** Offers lines as a file, which are written in slices. */
export async function saveLines(name: string, lines: Iterable<string>): Promise<void> {
  // Blobs of blobs are put together without a pause, those of a hundred thousand texts are not.
  const parts: Blob[] = [];
  let text = "";
  let end = performance.now() + slice;
  for (const line of lines) {
    text += `${line}\n`;
    if (performance.now() < end) continue;
    parts.push(new Blob([text]));
    text = "";
    await new Promise((resolve) => setTimeout(resolve));
    end = performance.now() + slice;
  }
  save(name, new Blob([...parts, text]), "text/csv");
}

/** Saves a figure; what to say. */
export async function saveSvg(name: string, svg: string, format: FigureFormat): Promise<string> {
  if (format === "SVG") save(`${name}.svg`, svg, "image/svg+xml");
  else save(`${name}.png`, await pngOf(svg), "image/png");
  return `${name}.${format.toLowerCase()} saved.`;
}

/** A figure as pixels, two for each of its own. */
async function pngOf(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser makes no PNG of it."))));
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Copies text; what to say, also where the browser does not allow it. */
export async function copied(what: string, text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return `${what} copied.`;
  } catch {
    return `This browser does not let the page copy. ${what}: ${text}`;
  }
}

/**
 * The variants of an experiment of `isoloss run`, a line each.
 *
 * @throws Error where it would have none: the page says why nothing was copied
 */
export function variantsOf(lines: readonly string[]): readonly string[] {
  if (lines.length > 0) return ["variants:", ...lines];
  throw new Error("Nothing that is compared has a place in an experiment: compare more.");
}
