import { afterAll, expect, it, vi } from "vitest";
import { ndarray } from "../../src/array.js";
import { createRng } from "../../src/math/rng.js";
import { createInverses } from "../../src/symmetry/hidden/inverses.js";

vi.mock("#ort", async (original) => ({
  ...(await original<object>()),
  whyNoOrt: async () => "ONNX Runtime is not installed.",
  loadOrt: async () => {
    throw new Error("not installed");
  },
}));

const inverses = createInverses();
afterAll(() => inverses.dispose());

it("large matrices are inverted without ONNX Runtime, too", async () => {
  const n = 60;
  const rng = createRng(0);
  const a = ndarray(
    Float64Array.from({ length: n * n }, (_, i) => rng.normal() + (i % (n + 1) === 0 ? n : 0)),
    [n, n],
  );
  const { data } = await inverses.inverse(a);
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let product = i === j ? -1 : 0;
      for (let k = 0; k < n; k++) product += a.data[i * n + k] * data[k * n + j];
      worst = Math.max(worst, Math.abs(product));
    }
  }
  expect(worst).toBeLessThan(1e-12);
});
