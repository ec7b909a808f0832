import { expect, it, vi } from "vitest";

vi.mock("../../src/app/tab.js", () => ({ tab: "tab" }));
const { decoded, encoded } = await import("../../src/app/session.js");

it("writes what screens keep as JSON, and reads it again", () => {
  const record = {
    source: Uint8Array.of(8, 255),
    name: "model.onnx",
    points: [
      {
        base: { w: { shape: [2], data: Float32Array.of(1.5, Number.NaN) } },
        slides: new Map([[0, 0.5]]),
        params: {},
      },
    ],
    loss: Float64Array.from({ length: 20_000 }, (_, i) => Math.sin(i)),
    heldOut: { step: 3, loss: Number.POSITIVE_INFINITY },
    labels: BigInt64Array.of(-3n),
    list: [1, null, true, [2]],
  };
  expect(decoded(JSON.parse(JSON.stringify(encoded(record))))).toEqual(record);
});
