import { expect, it } from "vitest";
import { sizeOf } from "../../../src/array.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { multiResnet18 } from "../../../src/nn/models/multi-resnet18.js";
import { namedArrays } from "../../../src/tree.js";

it("has as many parameters as published for Office-31", () => {
  const model = multiResnet18({ heads: { amazon: 31, dslr: 31, webcam: 31 } });
  const { shared, heads } = model.init(torchGenerator(0)).params;
  const count = (tree: unknown) =>
    Object.values(namedArrays(tree)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  expect(count(shared.trunk)).toBe(11_176_512);
  expect(count(shared.hidden)).toBe(263_680);
  expect(count(heads)).toBe(3 * 513 * 31);
});
