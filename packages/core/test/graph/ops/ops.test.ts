import { checkDerivatives, expectResult } from "isoloss-test-support/graph/ops/check-derivatives";
import type { OpCase } from "isoloss-test-support/graph/ops/op-case";
import { forwardGraph } from "isoloss-test-support/graph/ops/op-derivatives";
import { sampledRows } from "isoloss-test-support/random-cases";
import { it } from "vitest";
import { simplify } from "../../../src/graph/simplify.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { opTable } from "./op-table.js";
import { check, named } from "./ops-support.js";

function checkForward(c: OpCase): void {
  const { graph, values } = forwardGraph(c, "float64");
  const expected = c.reference(...c.inputs);
  for (const [kind, form] of [
    ["raw", graph],
    ["simplified", simplify(graph)],
  ] as const) {
    const { result } = compileJavaScript(form).runSync(values);
    expectResult(result, expected, `${c.label}, ${kind}`, 1e-12);
  }
}

it.each(sampledRows(named(opTable)))("%s gives what its definition says, simplified or not", (_, row) => {
  check(row, checkForward);
});

it.each(sampledRows(named(opTable.filter((row) => (row.differentiable ?? true) === true))))(
  "%s has the first and second derivatives of difference quotients, simplified or not",
  (_, row) => check(row, checkDerivatives),
);
