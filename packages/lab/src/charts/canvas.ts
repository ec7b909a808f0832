// A canvas that is drawn at most once a frame, as sharp as the screen.
import type { Context, Size } from "./line-chart.js";

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
  let frame: number | undefined;
  let size: Size = { width: 0, height: 0 };
  const paint = () => {
    frame = undefined;
    if (size.width < 40 || size.height < 40) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, size);
  };
  const request = () => {
    frame ??= requestAnimationFrame(paint);
  };
  const observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    if (width === size.width && height === size.height) return;
    size = { width, height };
    onSize(size, globalThis.devicePixelRatio || 1);
    request();
  });
  observer.observe(canvas);
  return {
    request,
    destroy() {
      observer.disconnect();
      if (frame !== undefined) cancelAnimationFrame(frame);
    },
  };
}

/** Resolves once the next frame is drawn; not while the tab is hidden. */
export const nextFrame = (): Promise<void> =>
  new Promise((resolve) => {
    requestAnimationFrame(() => resolve());
  });
