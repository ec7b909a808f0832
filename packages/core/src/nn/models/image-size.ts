import { ShapeError } from "../../errors.js";

/** Height and width of an image after a number of stages, each of which applies `conv` to a side and halves it. */
export function pooledSize(
  op: string,
  imageSize: readonly [number, number],
  stages: number,
  conv: (n: number) => number = (n) => n,
): [number, number] {
  const size = imageSize.map((side) => {
    let n = side;
    for (let stage = 0; stage < stages; stage++) n = Math.floor(conv(n) / 2);
    return n;
  });
  if (!imageSize.every(Number.isInteger) || size.some((n) => !(n >= 1))) {
    throw new ShapeError(`${op}: images of ${imageSize.join(" x ")} are too small for ${stages} poolings.`);
  }
  return [size[0], size[1]];
}
