// The record of the suite's outcomes: the site has a table of it.

import { allNodesOf } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { operatorName } from "../../../src/import/call.js";
import { operators } from "../../../src/import/operators/operators.js";
import type { Case } from "./cases.js";
import { hasDerivative } from "./derivative.js";
import type { Outcome, Runtime } from "./run-case.js";

/** A case that says something about numbers, and its outcome in each runtime. */
export interface Result {
  readonly given: Case;
  readonly outcomes: Readonly<Record<Runtime, Outcome>>;
}

interface Row {
  /** The first and the last operator set among the cases. */
  readonly sets: readonly number[];
  readonly javascript: number;
  readonly onnx: number;
  readonly refused: number;
  readonly isDifferentiable: boolean;
}

interface Decoded extends Result {
  readonly names: readonly string[];
  readonly opset: number;
}

function decoded(result: Result): Decoded | undefined {
  try {
    const { graph, opsets } = decodeModel(result.given.bytes);
    const names = [...new Set(allNodesOf(graph).map(operatorName))];
    return { ...result, names, opset: opsets.find(({ domain }) => domain === "")?.version ?? 1 };
  } catch {
    return undefined;
  }
}

/**
 * A case that agrees counts for every operator of its model. One that is refused counts where it is the operator's
 * own, or the operator is not read at all: otherwise the reason can be another operator.
 */
function rowOf(name: string, cases: readonly Decoded[]): Row {
  const own = cases.filter(({ names }) => names.includes(name));
  const agreeing = own.filter(({ outcomes }) => outcomes.javascript.kind === "agrees");
  const alone = agreeing.filter(({ names }) => names.length === 1);
  const sets = own.map(({ opset }) => opset);
  return {
    sets: [Math.min(...sets), Math.max(...sets)],
    javascript: agreeing.length,
    onnx: own.filter(({ outcomes }) => outcomes.onnx.kind === "agrees").length,
    refused: own.filter(
      ({ names, outcomes }) =>
        outcomes.javascript.kind === "refused" && (names.length === 1 || !operators.has(name)),
    ).length,
    isDifferentiable: (alone.length > 0 ? alone : agreeing).some(({ given }) => hasDerivative(given)),
  };
}

const kinds: readonly Outcome["kind"][] = ["agrees", "wrong", "crash", "refused"];

/** Outcomes by operator, an operator a line; `excluded` has the reason of each case that is not run. */
export function recordOf(results: readonly Result[], excluded: readonly string[]): string {
  const cases = results.flatMap((result) => decoded(result) ?? []);
  const names = [...new Set(cases.flatMap(({ names }) => names))].sort();
  const countsOf = (runtime: Runtime) =>
    Object.fromEntries(
      kinds.map((kind) => [kind, results.filter(({ outcomes }) => outcomes[runtime].kind === kind).length]),
    );
  const isRead = ({ names }: Decoded) => names.every((name) => operators.has(name));
  const refused = cases.filter((c) => isRead(c) && c.outcomes.javascript.kind === "refused");
  const parts = {
    javascript: countsOf("javascript"),
    onnx: countsOf("onnx"),
    excluded: Object.fromEntries(
      [...new Set(excluded)].sort().map((why) => [why, excluded.filter((one) => one === why).length]),
    ),
    refused: refused.map(({ given }) => given.name),
  };
  const lines = [
    ...Object.entries(parts).map(([key, value]) => ` ${JSON.stringify(key)}: ${JSON.stringify(value)},`),
    ` "operators": {`,
    names.map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(rowOf(name, cases))}`).join(",\n"),
    " }",
  ];
  return `{\n${lines.join("\n")}\n}\n`;
}
