// Moving a point of the plane by mouse, touch and keys.
import type { Point } from "./plane.js";

/** Drags the button in an element, and puts its point where the element is clicked. */
export function dragPoint(canvas: () => HTMLCanvasElement, moveTo: (px: number, py: number) => void) {
  return (element: HTMLElement) => {
    let dragging: { readonly id: number; readonly dx: number; readonly dy: number } | undefined;
    const placeOf = ({ clientX, clientY }: PointerEvent) => {
      const { left, top } = canvas().getBoundingClientRect();
      return [clientX - left, clientY - top] as const;
    };
    const down = (event: PointerEvent) => {
      if (event.button !== 0) return;
      const [px, py] = placeOf(event);
      const button = (event.target as Element).closest("button");
      if (button === null) {
        // A finger that scrolls the page starts on the plane, too: it moves nothing.
        if (event.pointerType === "mouse") moveTo(px, py);
        return;
      }
      // The point stays where it was under the pointer.
      const [dx, dy] = [button.offsetLeft + 22 - px, button.offsetTop + 22 - py];
      dragging = { id: event.pointerId, dx, dy };
      button.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent) => {
      if (dragging?.id !== event.pointerId) return;
      const [px, py] = placeOf(event);
      moveTo(px + dragging.dx, py + dragging.dy);
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

const directions: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Arrows move by 1 % of the range, with Shift by 10 %, with Alt by 0.1 %. */
export function pointKeys(
  plane: () => { readonly x: Point; readonly y: Point; readonly start: Point },
  move: (to: Point) => void,
) {
  return (event: KeyboardEvent) => {
    const direction = directions[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    const share = event.shiftKey ? 0.1 : event.altKey ? 0.001 : 0.01;
    const { x, y, start } = plane();
    const along = (value: number, [a, b]: Point, by: number) =>
      by === 0 ? value : Math.max(a, Math.min(b, value + by * share * (b - a)));
    move([along(start[0], x, direction[0]), along(start[1], y, direction[1])]);
  };
}
