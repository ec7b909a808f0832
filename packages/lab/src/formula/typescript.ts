// Formulas as a program of the library.
import { type Affine, inverseOf } from "./affine.js";
import { fold } from "./fold.js";
import { parseFormula } from "./parse.js";

interface Program {
  readonly lines: readonly string[];
  /** Names by the entry that they come from. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
}

/** `const problem = …` for L = r1(x, y)^2 + r2(x, y)^2; with a group where one is known. */
export function ownTypescript(r1: string, r2: string, start: string): Program {
  const used = new Set(["concat", "slice", "square", "sum"]);
  const operation = (name: string, of: readonly (string | number)[]) => {
    used.add(name);
    return `${name}(${of.join(", ")})`;
  };
  const codeOf = (formula: string): string => {
    const code = fold<string>(parseFormula(formula), (name) => name, operation);
    return typeof code === "number" ? operation("fillLike", ["x", code]) : code;
  };
  const inverse = inverseOf(r1, r2);
  const rowOf = ([a, b, c]: Affine) =>
    operation("add", [operation("add", [operation("mul", [a, "u"]), operation("mul", [b, "v"])]), c]);
  const parts = (names: string, of: string) =>
    `  const [${names}] = [slice(${of}, { ends: [1] }), slice(${of}, { starts: [1] })];`;
  const group = inverse && [
    "const inverse = (r: Tensor) => {",
    parts("u, v", "r"),
    `  return { w: concat([${inverse.map(rowOf).join(", ")}]) };`,
    "};",
  ];
  const lines = [
    "const residuals = ({ w }: { readonly w: Tensor }) => {",
    parts("x, y", "w"),
    `  return concat([${codeOf(r1)}, ${codeOf(r2)}]);`,
    "};",
    ...(group ?? []),
    `const start = vector(${start});`,
    "const problem = {",
    "  loss: (p: { readonly w: Tensor }) => sum(square(residuals(p))),",
    "  start,",
    "  batch: {},",
    ...(group
      ? ["  symmetry: () => residualRotation({ residuals, inverse }, { params: start, batch: {} }),"]
      : []),
    "};",
  ];
  return {
    lines,
    imports: {
      isoloss: ["type Tensor"],
      "isoloss/ops": [...used],
      "isoloss/problems": ["vector"],
      ...(group ? { "isoloss/symmetry": ["residualRotation"] } : {}),
    },
  };
}
