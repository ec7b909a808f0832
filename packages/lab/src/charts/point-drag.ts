// Moving a point of the plane by mouse, touch and keys.
import type { Panel } from "./canvas.js";
import { type Curve, type Point, rounded } from "./plane.js";

/** Told where a point was moved, in px of the canvas. */
export type MoveTo = (px: number, py: number) => void;

/** Drags the handles in an element, those with `data-handle`, and moves the first one where the element is clicked. */
export function dragPoints(canvas: () => HTMLCanvasElement, moves: () => Readonly<Record<string, MoveTo>>) {
  return (element: HTMLElement) => {
    let dragging:
      | { readonly id: number; readonly dx: number; readonly dy: number; readonly moveTo: MoveTo }
      | undefined;
    const placeOf = ({ clientX, clientY }: PointerEvent) => {
      const { left, top } = canvas().getBoundingClientRect();
      return [clientX - left, clientY - top] as const;
    };
    const down = (event: PointerEvent) => {
      if (event.button !== 0) return;
      const [px, py] = placeOf(event);
      const handle = (event.target as Element).closest<HTMLElement>("[data-handle]");
      if (handle === null) {
        const [first] = Object.values(moves());
        // A finger that scrolls the page starts on the plane, too: it moves nothing.
        if (event.pointerType === "mouse") first?.(px, py);
        return;
      }
      // The point stays where it was under the pointer.
      const [dx, dy] = [handle.offsetLeft + 22 - px, handle.offsetTop + 22 - py];
      const moveTo = moves()[handle.dataset.handle ?? ""];
      dragging = { id: event.pointerId, dx, dy, moveTo };
      handle.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent) => {
      if (dragging?.id !== event.pointerId) return;
      const [px, py] = placeOf(event);
      dragging.moveTo(px + dragging.dx, py + dragging.dy);
    };
    const up = (event: PointerEvent) => {
      if (dragging?.id === event.pointerId) dragging = undefined;
    };
    const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up };
    for (const [name, listener] of Object.entries(listeners)) {
      element.addEventListener(name, listener as EventListener);
    }
    return () => {
      for (const [name, listener] of Object.entries(listeners)) {
        element.removeEventListener(name, listener as EventListener);
      }
    };
  };
}

/** Index of the point of a curve that is nearest to a place on the canvas. */
export function nearestOn({ x, y }: Curve, { toX, toY }: Panel, px: number, py: number): number {
  let [nearest, least] = [0, Infinity];
  for (let k = 0; k < x.length; k++) {
    const distance = Math.hypot(toX(x[k]) - px, toY(y[k]) - py);
    if (distance < least) [nearest, least] = [k, distance];
  }
  return nearest;
}

const directions: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Of a range: 1 %, with Shift 10 %, with Alt 0.1 %. */
const shareOf = (event: KeyboardEvent): number => (event.shiftKey ? 0.1 : event.altKey ? 0.001 : 0.01);

/** Arrows move by a share of the range. */
export function pointKeys(
  plane: () => { readonly x: Point; readonly y: Point; readonly start: Point },
  move: (to: Point) => void,
) {
  return (event: KeyboardEvent) => {
    const direction = directions[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    const share = shareOf(event);
    const { x, y, start } = plane();
    // A thousandth of the range, the least step, is about a pixel.
    const along = (value: number, [a, b]: Point, by: number) =>
      by === 0 ? value : rounded(Math.max(a, Math.min(b, value + by * share * (b - a))), (b - a) / 1000);
    move([along(start[0], x, direction[0]), along(start[1], y, direction[1])]);
  };
}

/** Right and up go forward by a share of a curve, left and down back. */
export function curveKeys(step: (share: number) => void) {
  return (event: KeyboardEvent) => {
    const direction = directions[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    step((direction[0] + direction[1]) * shareOf(event));
  };
}
