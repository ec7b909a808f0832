// First and second derivatives of operators that are composed of others, against difference quotients.

import { astype, dtypeOf } from "isoloss";
import { isFloat } from "isoloss/internal";
import { checkDerivatives } from "isoloss-test-support/graph/ops/check-derivatives";
import type { OpCase } from "isoloss-test-support/graph/ops/op-case";
import { fileOf } from "isoloss-test-support/nn/onnx/support";
import { it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { attentionCases } from "./attention-cases.js";
import { indexCases } from "./index-cases.js";
import { microsoftCases } from "./microsoft-cases.js";
import { normCases, trainingCases } from "./norm-cases.js";
import { smoothCases } from "./number-cases.js";
import type { Case } from "./operator-case.js";
import { recurrentCases } from "./recurrent-cases.js";
import { resizeCases } from "./resize-cases.js";
import { samplingCases } from "./sampling-cases.js";
import { windowCases } from "./window-cases.js";

/** The first result of an operator as a function of the operands that are given at run time. */
export function asOpCase(
  name: string,
  { node, inputs = {}, initializers = {}, kinds = {}, opset }: Case,
  dtype: "float32" | "float64",
): OpCase {
  const bytes = fileOf({
    inputs,
    initializers,
    nodes: [node],
    kinds,
    ...(opset === undefined ? {} : { opset }),
  });
  const model = fromOnnx(bytes, { dtype, isParameter: () => false });
  const names = Object.keys(inputs);
  return {
    label: name,
    inputs: Object.values(inputs).map((x) => (isFloat(dtypeOf(x)) ? astype(x, "float64") : x)),
    apply: (...tensors) =>
      model.apply({}, Object.fromEntries(tensors.map((tensor, k) => [names[k], tensor]))).y,
    reference() {
      throw new Error("Values are compared with those of ONNX Runtime.");
    },
  };
}

const isOfFloats = ({ inputs = {} }: Case): boolean => isFloat(dtypeOf(Object.values(inputs)[0]));

const tables = [
  attentionCases,
  indexCases,
  microsoftCases,
  normCases,
  trainingCases,
  recurrentCases,
  resizeCases,
  samplingCases,
  smoothCases,
  windowCases,
];

export const rows = tables
  .flatMap(Object.entries<readonly Case[]>)
  .flatMap(([name, list]) => list.filter(isOfFloats).map((c, k) => [name, k + 1, c] as const));

export function expectDifferenceQuotients(given: readonly (typeof rows)[number][]): void {
  it.each(given)("%s, case %i", (name, k, c) => {
    checkDerivatives(asOpCase(`${name}, case ${k}`, c, "float64"));
  });
}
