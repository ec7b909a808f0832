// What charts draw on: a canvas that is drawn at most once a frame and only while it is near the screen, as sharp as the
// screen; and a panel between two axes.
import type { Axis, Theme } from "isoloss-figures/base";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a chart draws on: a canvas, or a recorder of calls in tests. */
export type Context = Pick<
  CanvasRenderingContext2D,
  | ("beginPath" | "moveTo" | "lineTo" | "arc" | "closePath" | "stroke" | "fill" | "fillText" | "setLineDash")
  | (
      | "save"
      | "restore"
      | "clip"
      | "rect"
      | "clearRect"
      | "translate"
      | "rotate"
      | "measureText"
      | "drawImage"
    )
  | ("strokeStyle" | "fillStyle" | "lineWidth" | "font" | "textAlign" | "textBaseline" | "globalAlpha")
  | ("lineJoin" | "lineCap")
>;

/** Red, green and blue of a color such as #0072b2. */
export const rgb = (color: string): readonly number[] =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

const font = "12px system-ui, sans-serif";

/** Two axes, and the places of their values in px. */
export interface Panel extends Size {
  readonly x: Axis;
  readonly y: Axis;
  /** Edges of the panel between the axes. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  toX(value: number): number;
  toY(value: number): number;
}

/** The panel between the edges of two axes. */
export const panelOf = (
  { width, height }: Size,
  axes: Pick<Panel, "x" | "y">,
  edges: Pick<Panel, "left" | "right" | "top" | "bottom">,
): Panel => ({
  width,
  height,
  ...axes,
  ...edges,
  toX: scaleOf(axes.x, edges.left, edges.right),
  toY: scaleOf(axes.y, edges.bottom, edges.top),
});

function scaleOf({ domain, log }: Axis, from: number, to: number): (value: number) => number {
  const forward = log ? Math.log : (v: number) => v;
  const [a, b] = domain.map(forward);
  return (value) => from + ((to - from) * (forward(value) - a)) / (b - a);
}

/** A disc, with an edge where that has a color; none far outside of the canvas. */
export function drawDisc(
  context: Context,
  x: number,
  y: number,
  r: number,
  { fill, stroke, width = 1 }: { readonly fill: string; readonly stroke?: string; readonly width?: number },
): void {
  if (!(Math.abs(x) < 1e6 && Math.abs(y) < 1e6)) return;
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.fill();
  if (stroke === undefined) return;
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.stroke();
}

export function drawTickLabels(
  context: Context,
  { x, y, left, bottom, toX, toY }: Panel,
  theme: Theme,
): void {
  context.font = font;
  context.fillStyle = theme.muted;
  context.textBaseline = "middle";
  context.textAlign = "right";
  y.ticks.forEach((tick, i) => {
    context.fillText(y.tickLabels[i], left - 8, toY(tick));
  });
  context.textBaseline = "top";
  context.textAlign = "center";
  x.ticks.forEach((tick, i) => {
    context.fillText(x.tickLabels[i], toX(tick), bottom + 7);
  });
}

/** Milliseconds of a frame in which canvases are drawn: those that are left wait for the next one. */
const share = 12;
/** The canvases that are to be drawn, in the order in which that was asked for. */
const waiting = new Set<() => void>();

function paintWaiting(): void {
  const end = performance.now() + share;
  for (const paint of waiting) {
    waiting.delete(paint);
    try {
      paint();
    } catch (error) {
      // The other canvases do not wait for one that cannot be drawn.
      reportError(error);
    }
    if (performance.now() > end) break;
  }
  if (waiting.size > 0) requestAnimationFrame(paintWaiting);
}

export interface Sheet {
  /** Asks for a drawing in the next frame. */
  request(): void;
  destroy(): void;
}

/**
 * @param draw called with the canvas's size in CSS px
 * @param onSize told when the size has changed, in CSS px, with the device's pixels in one of these
 */
export function sheet(
  canvas: HTMLCanvasElement,
  draw: (context: Context, size: Size) => void,
  onSize: (size: Size, ratio: number) => void = () => {},
): Sheet {
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  let isGone = false;
  let isNear = false;
  /** Whether it was asked for while it was off the screen. */
  let isLate = false;
  let size: Size = { width: 0, height: 0 };
  const paint = () => {
    isLate = false;
    if (size.width < 40 || size.height < 40) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, size);
  };
  const request = () => {
    // What is asked for once the element has left the page has nothing to be drawn on.
    if (isGone) return;
    isLate = !isNear;
    if (!isNear) return;
    if (waiting.size === 0) requestAnimationFrame(paintWaiting);
    waiting.add(paint);
  };
  const observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    if (width === size.width && height === size.height) return;
    size = { width, height };
    onSize(size, globalThis.devicePixelRatio || 1);
    request();
  });
  observer.observe(canvas);
  // What is off the screen is drawn once it comes near: what is seen does not wait for it.
  const approach = new IntersectionObserver(
    (entries) => {
      isNear = entries[entries.length - 1].isIntersecting;
      if (isNear && isLate) request();
    },
    { rootMargin: "25%" },
  );
  approach.observe(canvas);
  addEventListener("beforeprint", paint);
  return {
    request,
    destroy() {
      isGone = true;
      observer.disconnect();
      approach.disconnect();
      removeEventListener("beforeprint", paint);
      waiting.delete(paint);
    },
  };
}

/** Resolves once the next frame is drawn; not while the tab is hidden. */
export const nextFrame = (): Promise<void> =>
  new Promise((resolve) => {
    requestAnimationFrame(() => resolve());
  });
