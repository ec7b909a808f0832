/** Tells of two fingers that move apart or together, by what factor and around which place of the element. */
export function pinch(
  element: HTMLElement,
  onZoom: (factor: number, x: number, y: number) => void,
): () => void {
  let before: number | undefined;
  const start = (event: TouchEvent) => {
    before = event.touches.length === 2 ? distance(event) : undefined;
    if (before !== undefined) event.preventDefault();
  };
  const move = (event: TouchEvent) => {
    if (before === undefined || event.touches.length !== 2) return;
    event.preventDefault();
    const now = distance(event);
    const { left, top } = element.getBoundingClientRect();
    const [a, b] = event.touches;
    onZoom(now / before, (a.clientX + b.clientX) / 2 - left, (a.clientY + b.clientY) / 2 - top);
    before = now;
  };
  // The browser must be kept from zooming the page: such listeners are passive unless this is said.
  element.addEventListener("touchstart", start, { passive: false });
  element.addEventListener("touchmove", move, { passive: false });
  return () => {
    element.removeEventListener("touchstart", start);
    element.removeEventListener("touchmove", move);
  };
}

const distance = ({ touches: [a, b] }: TouchEvent): number =>
  Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY));
