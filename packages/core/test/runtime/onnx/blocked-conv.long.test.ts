import { describe } from "vitest";
import { cases, expectDerivatives, expectGradients } from "./blocked-conv-support.js";

describe("convolutions in ONNX Runtime's blocked layout", () => {
  expectDerivatives(cases.filter((_, k) => k !== 2));

  expectGradients(cases.filter((_, k) => k !== 2));
});
