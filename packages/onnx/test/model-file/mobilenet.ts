import { Builder, type BuildOptions } from "isoloss-test-support/model-file/builder";

/** Expansion, channels, repetitions and stride of each stage: M. Sandler et al., "MobileNetV2", CVPR 2018, table 2. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export interface MobileNetOptions extends BuildOptions {
  /** Factor of all numbers of channels; default 1, which is MobileNetV2 1.0. */
  readonly width?: number;
}

/** MobileNetV2 with batch norms and random weights, for images of any size. */
export function mobileNetV2({ width = 1, ...options }: MobileNetOptions = {}): Uint8Array {
  const b = new Builder(options);
  const channels = (n: number) => Math.max(2, Math.round(n * width));
  const conv = (x: string, from: number, to: number, shape = {}) =>
    b.batchNorm(b.conv(x, from, to, shape), to);
  let x = b.clip(conv("x", 3, channels(32), { size: 3, stride: 2 }));
  let from = channels(32);
  for (const [expansion, size, count, first] of stages) {
    const to = channels(size);
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? first : 1;
      const hidden = from * expansion;
      const wide = expansion === 1 ? x : b.clip(conv(x, from, hidden));
      const deep = b.clip(conv(wide, hidden, hidden, { size: 3, stride, group: hidden }));
      const narrow = conv(deep, hidden, to);
      x = i > 0 ? b.node("Add", [x, narrow]) : narrow;
      from = to;
    }
  }
  const last = channels(1280);
  const pooled = b.node("GlobalAveragePool", [b.clip(conv(x, from, last))]);
  return b.bytes(["batch", 3, "height", "width"], b.linear(b.node("Flatten", [pooled]), last, 10));
}
