import fc from "fast-check";
import { compile, trace, valueAndGrad } from "isoloss";
import { booth } from "isoloss/problems";
import { describe, expect, it } from "vitest";
import { inverseOf, noGroup } from "../../src/formula/affine.js";
import { formulaField } from "../../src/formula/field.js";
import { fold } from "../../src/formula/fold.js";
import { ownProblem } from "../../src/formula/own.js";
import { type Expression, FormulaError, mostCharacters, parseFormula } from "../../src/formula/parse.js";

/** A formula as a text with all its parentheses. */
const spelled = (expression: Expression): string =>
  "value" in expression
    ? String(expression.value)
    : "variable" in expression
      ? expression.variable
      : `${expression.operation}(${expression.of.map(spelled).join(" ")})`;

/** Loss and gradient at a point. */
async function lossAt(r1: string, r2: string, at: readonly [number, number]) {
  const problem = ownProblem({ r1, r2, start: at });
  const { graph } = trace(
    ({ p }) => {
      const [loss, { w: g }] = valueAndGrad(problem.loss)(p, {});
      return { loss, g };
    },
    { p: problem.start },
  );
  const executable = await compile(graph, { runtime: "javascript" });
  const { loss, g } = await executable.run({ "p.w": problem.start.w });
  await executable.dispose();
  return { loss: Number(loss.data[0]), g: Array.from(g.data, Number) };
}

describe("formulas", () => {
  it.each([
    ["1 + 2 * 3", "add(1 mul(2 3))"],
    ["x - y - 1", "sub(sub(x y) 1)"],
    ["x / y / 2", "div(div(x y) 2)"],
    ["-x^2", "neg(pow(x 2))"],
    ["(-x)^2", "pow(neg(x) 2)"],
    ["2^3^x", "pow(2 pow(3 x))"],
    ["x^-y", "pow(x neg(y))"],
    ["- - x", "neg(neg(x))"],
    ["-x*y", "mul(neg(x) y)"],
    ["x*-y", "mul(x neg(y))"],
    ["+x**2", "pow(x 2)"],
    ["Exp(X) - sin(x*cos(y))", "sub(exp(x) sin(mul(x cos(y))))"],
    ["1.5e-3 + .5 + 2.", "add(add(0.0015 0.5) 2)"],
    ["2*pi", `mul(2 ${Math.PI})`],
  ])("are read by the usual precedence: %s", (text, expected) => {
    expect(spelled(parseFormula(text))).toBe(expected);
  });

  it.each([
    [
      "",
      'expected a number, x, y, pi, a function (exp, log, sin, cos, sqrt, tanh, abs) or "(", got the end',
      0,
    ],
    ["x +", "got the end", 3],
    ["x + * y", 'got "*"', 4],
    ["(x + y", 'expected an operator or ")", got the end', 6],
    ["x + y)", 'expected an operator or the end, got ")"', 5],
    ["2x", 'expected an operator or the end, got "x": a product is written 2*x', 1],
    ["(x 2)", 'expected an operator or ")", got "2": a product is written x*2', 3],
    ["x(y + 1)", "a product is written x*(", 1],
    ["sin x", 'expected "(" after sin, got "x"', 4],
    ["z + 1", 'got "z"', 0],
    ["alert(1)", 'got "alert"', 0],
    ["x; y", '";" has no meaning', 1],
    ["x + 😀", '"😀" has no meaning', 4],
    [
      "1".repeat(mostCharacters + 1),
      `expected at most ${mostCharacters} characters, got 201`,
      mostCharacters,
    ],
  ] as const)("say what was expected, what came and where: %j", (text, message, at) => {
    const wrong = (() => {
      try {
        return parseFormula(text);
      } catch (error) {
        return error;
      }
    })() as FormulaError;
    expect(wrong).toBeInstanceOf(FormulaError);
    expect(wrong.message).toContain(message);
    expect(wrong.at).toBe(at);
    expect(formulaField.read(text, "r1").notice).toContain("r1: ");
  });

  it("never fail in another way, whatever is typed", () => {
    const pieces = fc.constantFrom(
      "x",
      "y",
      "(",
      ")",
      "+",
      "-",
      "*",
      "/",
      "^",
      "sin",
      "exp",
      "2",
      ".",
      "e",
      " ",
      "#",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 60 }).map((list) => list.join("")),
        ),
        (text) => {
          const { value, notice } = formulaField.read(text, "r1");
          expect(value === undefined).toBe(notice !== undefined);
        },
      ),
    );
    expect(formulaField.read(`${"(".repeat(99)}x${")".repeat(99)}`, "r1").notice).toBeUndefined();
    expect(formulaField.read(`${"-".repeat(199)}x`, "r1").notice).toBeUndefined();
  });

  it("mean the same as the same text in JavaScript", () => {
    const text = fc.letrec<{ part: string }>((tie) => ({
      part: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom("x", "y", "2", "0.5"),
        fc
          .tuple(tie("part"), fc.constantFrom("+", "-", "*", "/"), tie("part"))
          .map(([a, o, b]) => `(${a}) ${o} ${b}`),
        tie("part").map((a) => `sin(${a})`),
        tie("part").map((a) => `(${a})^2`),
        tie("part").map((a) => `-(${a})`),
      ),
    })).part;
    fc.assert(
      fc.property(
        text.filter((t) => t.length <= mostCharacters),
        (formula) => {
          const [x, y] = [0.7, -1.3];
          const own = fold<{ readonly v: number }>(
            parseFormula(formula),
            (name) => ({ v: name === "x" ? x : y }),
            (operation, of) => {
              const numbers = of.map(
                (part): Expression => ({ value: typeof part === "number" ? part : part.v }),
              );
              return { v: fold<never>({ operation, of: numbers }, undefined as never, undefined as never) };
            },
          );
          const js = formula.replaceAll("^", "**");
          const expected = new Function("x", "y", "sin", `return ${js}`)(x, y, Math.sin) as number;
          expect(typeof own === "number" ? own : own.v).toEqual(expected);
        },
      ),
    );
  });
});

describe("a function of one's own", () => {
  it("has the gradient of difference quotients", async () => {
    const [r1, r2] = [
      "exp(x*y/4) - cos(x)^2 + sqrt(y + 4)",
      "log(x^2 + 1) * tanh(y) / (1 + abs(x - y)) - 2^x",
    ];
    const at = [0.7, -1.3] as const;
    const { loss, g } = await lossAt(r1, r2, at);
    const [x, y] = at;
    const u = Math.exp((x * y) / 4) - Math.cos(x) ** 2 + Math.sqrt(y + 4);
    const v = (Math.log(x ** 2 + 1) * Math.tanh(y)) / (1 + Math.abs(x - y)) - 2 ** x;
    expect(loss).toBeCloseTo(u ** 2 + v ** 2, 12);
    const h = 1e-5;
    for (const i of [0, 1]) {
      const moved = (by: number) => [x + (i === 0 ? by : 0), y + (i === 1 ? by : 0)] as const;
      const [ahead, behind] = [await lossAt(r1, r2, moved(h)), await lossAt(r1, r2, moved(-h))];
      expect(g[i]).toBeCloseTo((ahead.loss - behind.loss) / (2 * h), 7);
    }
  });

  it("of numbers alone has the gradient 0", async () => {
    expect(await lossAt("2", "0", [1, 1])).toEqual({ loss: 4, g: [0, 0] });
  });

  it("turns by the group of its residuals where they are affine: Booth's as in the library", async () => {
    const [r1, r2] = ["x + 2*y - 7", "(4*x + 2*y)/2 - 5"];
    // u = x + 2 y - 7, v = 2 x + y - 5: x = -u/3 + 2v/3 + 1, y = 2u/3 - v/3 + 3.
    const rows = inverseOf(r1, r2);
    [-1 / 3, 2 / 3, 1].forEach((c, i) => {
      expect(rows?.[0][i]).toBeCloseTo(c, 14);
    });
    [2 / 3, -1 / 3, 3].forEach((c, i) => {
      expect(rows?.[1][i]).toBeCloseTo(c, 14);
    });
    const start = [5, -5] as const;
    const T = [{ shape: [1], data: Float64Array.of(0.8) }];
    const [own, known] = [ownProblem({ r1, r2, start }), booth({ start })];
    const [moved, expected] = await Promise.all(
      [own, known].map((problem) => problem.symmetry().act(problem.start, T, {})),
    );
    for (const i of [0, 1]) {
      const [a, b] = [moved, expected].map((p) => Number((p as typeof own.start).w.data[i]));
      expect(a).toBeCloseTo(b, 12);
    }
  });

  it.each([
    ["x*y", "y"],
    ["x + y", "2*x + 2*y"],
    ["x", "3"],
    ["x", "sin(y)"],
    ["x^2", "y"],
  ])("has no group for %s and %s", (r1, r2) => {
    expect(inverseOf(r1, r2)).toBeUndefined();
    expect(() => ownProblem({ r1, r2, start: [1, 1] }).symmetry()).toThrow(noGroup);
  });
});
