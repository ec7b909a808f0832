import { need } from "./base/check.js";
import { wrap } from "./base/text.js";
import { type Theme, type ThemeName, themeOf } from "./base/theme.js";
import { type LegendEntry, legend } from "./legend.js";
import { plainDocument } from "./plain-document.js";
import { element, roundCoordinates, stableIds } from "./svg.js";

/** Options of every figure. */
export interface FigureOptions {
  /** Creates the elements. Default the page's, and elsewhere, such as in Node.js and in workers, a plain one of its own. */
  readonly document?: Document;
  /** Above the figure, and its name for a screen reader. */
  readonly title?: string;
  /** Below the figure. */
  readonly caption?: string;
  /** Description for a screen reader; by default the axes and the results. */
  readonly description?: string;
  /** In px, from 240; default 640. */
  readonly width?: number;
  /** In px, of everything from title to caption; default 400, or more where legend and notes are long. */
  readonly height?: number;
  /** Default `light`, for paper and for programs that know no CSS variables. */
  readonly theme?: ThemeName;
}

/** The contents of a frame. */
export interface Contents {
  /** Its name where no title is given. */
  readonly name: string;
  readonly description: string;
  readonly legend: readonly LegendEntry[];
  /** Sentences under the figure that say what the lines are and what is missing. */
  readonly notes: readonly string[];
  /** Draws into a space of a size in px. */
  draw(width: number, height: number): SVGElement;
}

/** What a figure draws with. */
export interface Canvas {
  readonly document: Document;
  readonly theme: Theme;
}

const pad = 14;
const titleSize = 16;
const noteSize = 12;

/**
 * The document and colors of a figure's options.
 *
 * @throws OptionError for an unknown theme
 */
export const canvasOf = ({
  document = globalThis.document ?? plainDocument(),
  theme = "light",
}: FigureOptions): Canvas => ({ document, theme: themeOf(theme) });

/**
 * An SVG element with title, legend, figure, notes and caption, one below the other.
 *
 * @throws OptionError if the size leaves no room for the figure
 */
export function framed(contents: Contents, options: FigureOptions): SVGSVGElement {
  const { title, caption, width = 640, description = contents.description } = options;
  need(
    Number.isFinite(width) && width >= 240,
    `The width of a figure must be a number of at least 240 (px); got ${width}.`,
  );
  const { document, theme } = canvasOf(options);
  const inner = width - 2 * pad;
  const key = legend(document, contents.legend, { width: inner, theme });
  const titleLines = wrap(title ?? "", titleSize, inner);
  const noteLines = contents.notes.flatMap((note) => wrap(note, noteSize, inner));
  const captionLines = wrap(caption ?? "", noteSize, inner);
  const top = pad + titleLines.length * 20 + (titleLines.length > 0 ? 4 : 0);
  const below =
    (noteLines.length + captionLines.length) * 16 + (noteLines.length + captionLines.length > 0 ? 6 : 0);
  const around = top + key.height + 6 + below + pad;
  const { height = Math.max(400, Math.ceil(around) + 200) } = options;
  const room = height - around;
  need(
    Number.isFinite(height) && room >= 100,
    `The height of this figure must be at least ${Math.ceil(around + 100)} px for its title, ` +
      `legend and notes; got ${height}.`,
  );

  const part = (y: number, node: SVGElement, x = pad): SVGElement =>
    element(document, "g", { transform: `translate(${x},${y})` }, node);
  const block = (lines: readonly string[], y: number, size: number, step: number, extra: object) =>
    lines.map((line, i) =>
      element(document, "text", { x: pad, y: y + step * i + size, "font-size": size, ...extra }, line),
    );
  const svg = element(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    class: "isoloss-figure",
    role: "img",
    "aria-label": title ?? contents.name,
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": "system-ui, sans-serif",
    "font-size": noteSize,
    fill: "currentColor",
    color: theme.name === "auto" ? undefined : theme.ink,
  }) as SVGSVGElement;
  svg.append(
    element(document, "desc", { id: "description" }, description),
    ...(theme.name === "auto" ? [element(document, "style", {}, standalone)] : []),
    ...(theme.background === "none"
      ? []
      : [element(document, "rect", { width, height, fill: theme.background })]),
    ...block(titleLines, pad - 2, titleSize, 20, { "font-weight": 600 }),
    part(top, key.group),
    part(top + key.height + 6, contents.draw(width, room), 0),
    ...block(noteLines, height - pad - below + 6, noteSize, 16, { fill: theme.muted }),
    ...block(captionLines, height - pad - captionLines.length * 16, noteSize, 16, {}),
  );
  roundCoordinates(svg);
  stableIds(svg);
  svg.setAttribute("aria-describedby", svg.querySelector("desc")?.id ?? "");
  return svg;
}

/** In a file, a figure follows the reader's color scheme. */
const standalone = "svg.isoloss-figure:root{color-scheme:light dark;color:CanvasText;background:Canvas}";
