// Formulas in x and y that a user types: read into plain data, and never run as code.

/** What a formula is made of: the operations have the names of the library's. */
export const functionNames = ["exp", "log", "sin", "cos", "sqrt", "tanh", "abs"] as const;
export type OperationName = "add" | "sub" | "mul" | "div" | "pow" | "neg" | (typeof functionNames)[number];

export type Expression =
  | { readonly value: number }
  | { readonly variable: "x" | "y" }
  | { readonly operation: OperationName; readonly of: readonly Expression[] };

/** What is wrong in a formula, and where. */
export class FormulaError extends Error {
  override readonly name = "FormulaError";
  /** @param at place in the text, from 0 */
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** Longest formula: also the deepest that the parser goes. */
export const mostCharacters = 200;

interface Token {
  readonly text: string;
  readonly at: number;
  readonly kind: "number" | "name" | "sign" | "end";
}

const number = /\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?/iy;
const name = /[a-z]+/iy;
const sign = /\*\*|[-+*/^()]/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const take = (pattern: RegExp, kind: Token["kind"], at: number): boolean => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) tokens.push({ text: found, at, kind });
    return found !== undefined;
  };
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) at++;
    else if (take(number, "number", at) || take(name, "name", at) || take(sign, "sign", at)) {
      at += tokens[tokens.length - 1].text.length;
    } else throw new FormulaError(`"${String.fromCodePoint(text.codePointAt(at) ?? 0)}" has no meaning`, at);
  }
  return [...tokens, { text: "", at: text.length, kind: "end" }];
}

const operand = `a number, x, y, pi, a function (${functionNames.join(", ")}) or "("`;

/**
 * Reads a formula such as `x^2 + y - 11`:
 *
 *     sum = product { ("+" | "-") product }        product = signed { ("*" | "/") signed }
 *     signed = ["-" | "+"] signed | power          power = operand ["^" signed]
 *
 * so that -x^2 is -(x^2), and x^y^2 is x^(y^2).
 *
 * @throws FormulaError with what was expected, what came and where
 */
export function parseFormula(text: string): Expression {
  if (text.length > mostCharacters) {
    throw new FormulaError(
      `expected at most ${mostCharacters} characters, got ${text.length}`,
      mostCharacters,
    );
  }
  const tokens = tokensOf(text);
  let next = 0;

  const take = (...signs: readonly string[]): string | undefined =>
    tokens[next].kind === "sign" && signs.includes(tokens[next].text) ? tokens[next++].text : undefined;
  const refuse = (expected: string, hint = ""): never => {
    const { text: came, at, kind } = tokens[next];
    throw new FormulaError(
      `expected ${expected}, got ${kind === "end" ? "the end" : `"${came}"`}${hint}`,
      at,
    );
  };
  const close = () => take(")") ?? refuse('an operator or ")"', productHint());
  /** Who writes 2x means 2*x. */
  const productHint = () => {
    const [before, { text: came, kind }] = [tokens[next - 1], tokens[next]];
    return before !== undefined && (kind === "name" || kind === "number" || came === "(")
      ? `: a product is written ${before.text}*${came}`
      : "";
  };
  const chain = (part: () => Expression, operations: Readonly<Record<string, OperationName>>) => {
    let left = part();
    for (;;) {
      const operator = take(...Object.keys(operations));
      if (operator === undefined) return left;
      left = { operation: operations[operator], of: [left, part()] };
    }
  };
  const sum = (): Expression => chain(product, { "+": "add", "-": "sub" });
  const product = (): Expression => chain(signed, { "*": "mul", "/": "div" });
  const signed = (): Expression => {
    if (take("-")) return { operation: "neg", of: [signed()] };
    return take("+") ? signed() : power();
  };
  const power = (): Expression => {
    const base = single();
    return take("^", "**") ? { operation: "pow", of: [base, signed()] } : base;
  };
  const single = (): Expression => {
    const { text: came, kind } = tokens[next];
    if (take("(")) {
      const inner = sum();
      close();
      return inner;
    }
    if (kind === "number") {
      next++;
      return { value: Number(came) };
    }
    if (kind !== "name") return refuse(operand);
    const word = came.toLowerCase();
    if (word === "x" || word === "y") {
      next++;
      return { variable: word };
    }
    if (word === "pi") {
      next++;
      return { value: Math.PI };
    }
    const operation = functionNames.find((known) => known === word);
    if (operation === undefined) return refuse(operand);
    next++;
    if (!take("(")) refuse(`"(" after ${operation}`);
    const inner = sum();
    close();
    return { operation, of: [inner] };
  };

  const whole = sum();
  if (tokens[next].kind !== "end") refuse("an operator or the end", productHint());
  return whole;
}
