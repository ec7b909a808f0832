import { describe } from "vitest";
import {
  classifiers,
  expectSecondOrder,
  expectStatistics,
  normalized,
  ofSequences,
} from "./golden-support.js";

describe("models with PyTorch's parameters and data", () => {
  expectSecondOrder([...classifiers.slice(3), ...ofSequences.slice(3)]);

  expectStatistics(normalized.slice(0, 2));
});
