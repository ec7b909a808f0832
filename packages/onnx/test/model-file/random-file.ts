import { float, int } from "isoloss/internal";
import { Builder } from "isoloss-test-support/model-file/builder";

/** A random network of convolutions and linear layers with batch norms, bounds, residuals and nodes that do nothing. */
export function randomFile(seed: number): Uint8Array {
  const b = new Builder({ seed, opset: [9, 11, 13, 18][seed % 4], constants: seed % 3 === 0 });
  const { rng } = b;
  const pick = <T>(...choices: readonly (() => T)[]): T => choices[rng.int(choices.length)]();
  const idle = (x: string) =>
    pick(
      () => x,
      () => x,
      () => b.node("Identity", [x]),
      () => b.node("Dropout", [x]),
    );
  const number = (what: string, value: number) =>
    b.constant(what, { shape: [], data: Float32Array.of(value) });
  const activated = (x: string) =>
    pick(
      () => b.node("Relu", [x]),
      () => b.clip(x),
      () => b.clip(x, -0.5, 1),
      () => b.node("Max", [x, number("low", -0.4)]),
      () => b.node("Min", [number("high", 0.7), x]),
      () => b.node("LeakyRelu", [x], { alpha: float(0.2) }),
      () => x,
    );
  const normed = (x: string, channels: number) =>
    pick(
      () => b.batchNorm(x, channels),
      () => b.batchNorm(idle(x), channels),
      () => x,
    );
  let x = "x";
  let channels = 4;
  for (let layer = 0; layer < 4; layer++) {
    const to = 2 * (1 + rng.int(3));
    const [own, from, bias] = [x, channels, rng.int(2) === 0];
    x = pick(
      () => b.conv(own, from, to, { size: 3, bias }),
      () => b.conv(own, from, to, { size: 3, group: 2, bias }),
      () => b.convTranspose(own, from, to, { group: 1 + rng.int(2), bias }),
    );
    channels = to;
    x = idle(activated(normed(x, channels)));
    if (rng.int(2) === 0) x = b.node("Add", [x, normed(b.conv(x, channels, channels, { bias }), channels)]);
  }
  x = b.node("Flatten", [b.node("GlobalAveragePool", [x])], { axis: int(1) });
  x = activated(normed(b.product(x, channels, 5, { bias: rng.int(2) === 0 }), 5));
  x = activated(normed(b.linear(x, 5, 4), 4));
  return b.bytes(["batch", 4, "height", "width"], idle(b.linear(x, 4, 3)));
}
