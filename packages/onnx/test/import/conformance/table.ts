// docs/onnx-operators.md: what is read of ONNX, from the outcomes of its conformance suite.

import { allNodesOf } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { operatorName, operators } from "../../../src/import/operators/operators.js";
import type { Case } from "./cases.js";
import { hasDerivative } from "./derivative.js";
import { remarks } from "./remarks.js";
import type { Outcome, Runtime } from "./run-case.js";

/** A case that says something about numbers, and what came of it in each runtime. */
export interface Result {
  readonly given: Case;
  readonly outcomes: Readonly<Record<Runtime, Outcome>>;
}

interface Row {
  readonly sets: readonly number[];
  readonly agreeing: number;
  readonly agreeingInOnnx: number;
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
  return {
    sets: own.map(({ opset }) => opset),
    agreeing: agreeing.length,
    agreeingInOnnx: own.filter(({ outcomes }) => outcomes.onnx.kind === "agrees").length,
    refused: own.filter(
      ({ names, outcomes }) =>
        outcomes.javascript.kind === "refused" && (names.length === 1 || !operators.has(name)),
    ).length,
    isDifferentiable: (alone.length > 0 ? alone : agreeing).some(({ given }) => hasDerivative(given)),
  };
}

function cellsOf(name: string, { sets, agreeing, agreeingInOnnx, refused, isDifferentiable }: Row): string[] {
  const [first, last] = [Math.min(...sets), Math.max(...sets)];
  const cells =
    sets.length === 0
      ? ["", "", "", "", ""]
      : [
          first === last ? `${first}` : `${first} to ${last}`,
          `${agreeing}`,
          `${agreeingInOnnx}`,
          `${refused || ""}`,
          isDifferentiable ? "yes" : "no",
        ];
  return [`\`${name}\``, ...cells, remarks[name] ?? ""];
}

function tableOf(rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(rows[0]), line(rows[0].map(() => "---")), ...rows.slice(1).map(line)];
}

const head = [
  "operator",
  "operator sets",
  "agree in JavaScript",
  "agree in ONNX Runtime",
  "refused",
  "derivative",
  "remark",
];

/** How often each reason occurs, the most frequent first. */
function counted(reasons: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `- ${count}: ${reason}`);
}

const kinds: readonly Outcome["kind"][] = ["agrees", "wrong", "crash", "refused"];

const count = (results: readonly Result[], runtime: Runtime, kind: Outcome["kind"]): string =>
  `${results.filter(({ outcomes }) => outcomes[runtime].kind === kind).length}`;

/** The document; `excluded` has the reason of each case that is not run. */
export function documentOf(results: readonly Result[], excluded: readonly string[]): string {
  const cases = results.flatMap((result) => decoded(result) ?? []);
  const known = [...operators.keys()].sort();
  const others = [...new Set(cases.flatMap(({ names }) => names))]
    .filter((name) => !operators.has(name))
    .sort();
  const lines = (names: readonly string[]) => names.map((name) => cellsOf(name, rowOf(name, cases)));
  const isRead = ({ names }: Decoded) => names.every((name) => operators.has(name));
  const refusals = cases
    .filter((c) => isRead(c) && c.outcomes.javascript.kind === "refused")
    .map(({ given }) => `- \`${given.name}\``);
  return [
    "# ONNX operators",
    "",
    "What `fromOnnx` reads. `node scripts/onnx-operators.mjs` writes this page from the outcomes of ONNX's conformance",
    "suite (Debian's `libonnx-testdata`): models of one or few operators, with inputs and results. Each is read, traced and",
    "run as a user's model is, and its results are compared with the suite's.",
    "",
    ...tableOf([
      [`${results.length} cases`, "JavaScript", "ONNX Runtime"],
      ...kinds.map((kind) => [kind, count(results, "javascript", kind), count(results, "onnx", kind)]),
    ]),
    "",
    `${excluded.length} other cases say nothing about numbers, or not the right ones:`,
    "",
    ...counted(excluded),
    "",
    "## Read",
    "",
    "`operator sets`: the versions in the suite's cases; versions before and between them are read, too, unless the remark says",
    "otherwise. `agree`: how many of the cases in which the operator occurs give the suite's numbers. `refused`: how many of its",
    "own raise an error that says why. `derivative`: whether results depend on float operands in a way that is differentiated.",
    "Operators without numbers do not occur in the suite; they are tested against ONNX Runtime or by hand.",
    "",
    ...tableOf([head, ...lines(known)]),
    "",
    "Refused among them:",
    "",
    ...refusals,
    "",
    "## Not read",
    "",
    ...tableOf([head, ...lines(others)]),
    "",
  ].join("\n");
}
