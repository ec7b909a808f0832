// What examples say of values in comments at the ends of lines: `f(x); // 0.6, 0.4`.
import ts from "typescript";
import { isNdArray } from "../../src/array.js";

/** A comment that states numbers, flags and the keys that they belong to; undefined for one in words. */
function statedIn(comment: string): { readonly key: string; readonly numbers: string[] }[] | undefined {
  const stated = [{ key: "", numbers: [] as string[] }];
  const token =
    /\s*(?:(true|false|0x[\da-f]+|-?\d[\d.]*(?:e[-+]?\d+)?(?:\/\d+)?)|([A-Za-z]\w*)|([[\](),;{}]|[A-Z][a-z0-9]+Array))/gy;
  for (let at = 0; at < comment.length; at = token.lastIndex) {
    const [, number, key, mark] = token.exec(comment) ?? [];
    if (number !== undefined) stated.at(-1)?.numbers.push(number);
    else if (key !== undefined && !/Array$/.test(key)) stated.push({ key, numbers: [] });
    else if (key === undefined && mark === undefined) return undefined;
  }
  const told = stated.filter(({ key, numbers }) => key !== "" || numbers.length > 0);
  return told.length > 0 && told.every(({ numbers }) => numbers.length > 0) ? told : undefined;
}

/** A number as it is written, and half a unit of its last digit. */
function read(text: string): { readonly value: number; readonly tolerance: number } {
  if (text === "true" || text === "false") return { value: Number(text === "true"), tolerance: 0 };
  const [numerator, denominator] = text.split("/").map(Number);
  if (denominator !== undefined) return { value: numerator / denominator, tolerance: 1e-9 };
  const decimals = /\.(\d+)$/.exec(text)?.[1].length ?? 0;
  return { value: numerator, tolerance: decimals === 0 ? 1e-6 : 0.5000001 * 10 ** -decimals };
}

const flat = (value: unknown): number[] => {
  if (isNdArray(value)) return Array.from(value.data as ArrayLike<number | bigint>, Number);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value as ArrayLike<unknown>).flatMap(flat);
  }
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(flat);
  return [Number(value)];
};

const agrees = (value: unknown, numbers: readonly string[]): boolean => {
  const close = (list: readonly number[]) =>
    list.length === numbers.length &&
    list.every((v, i) => Math.abs(v - read(numbers[i]).value) <= read(numbers[i]).tolerance);
  return close(flat(value)) || (isNdArray(value) && close([...value.shape]));
};

/**
 * How a value differs from what a comment states of it; undefined where it does not, or the comment is in words. Of a
 * declaration the numbers may be those of its first name.
 */
export function objection(value: unknown, comment: string, isDeclared: boolean): string | undefined {
  const stated = statedIn(comment);
  if (stated === undefined) return undefined;
  const known = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const keys = stated.map(({ key }) => key).filter((key) => key !== "");
  if (!keys.every((key) => key in known)) return undefined;
  const all = stated.flatMap(({ numbers }) => numbers);
  const [first] = Object.values(known);
  if (agrees(value, all) || (isDeclared && agrees(first, all))) return undefined;
  const wrong = stated.some(({ key, numbers }) => !agrees(key === "" ? value : known[key], numbers));
  return wrong ? `${JSON.stringify(flat(value))} is not ${comment}` : undefined;
}

/**
 * Code whose statements with a comment at their end hand their value to `$stated`: of an expression its value, of
 * declarations those of what is declared, in their order.
 */
export function withStatements(code: string): string {
  const file = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const inserted = file.statements.flatMap((statement) => {
    const [comment] = (ts.getTrailingCommentRanges(code, statement.end) ?? []).map(({ pos, end }) =>
      code.slice(pos + 2, end).trim(),
    );
    if (comment === undefined) return [];
    const text = JSON.stringify(comment);
    if (ts.isExpressionStatement(statement)) {
      const { expression } = statement;
      return [
        { at: expression.getStart(file), text: "await $stated(" },
        { at: expression.end, text: `, ${text}, false)` },
      ];
    }
    if (!ts.isVariableStatement(statement)) return [];
    const names = statement.declarationList.declarations.flatMap(({ name }) => namesIn(name));
    return [{ at: statement.end, text: ` await $stated({ ${names.join(", ")} }, ${text}, true);` }];
  });
  return inserted
    .sort((a, b) => b.at - a.at)
    .reduce((out, { at, text }) => out.slice(0, at) + text + out.slice(at), code);
}

/** Names that the statements of some code declare. */
export function declaredIn(code: string): Set<string> {
  const file = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  return new Set(
    file.statements
      .filter(ts.isVariableStatement)
      .flatMap(({ declarationList }) => declarationList.declarations.flatMap(({ name }) => namesIn(name))),
  );
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : namesIn(element.name)));
}

/** What an example says it prints, in whole lines of comments at its end; undefined where it does not say. */
export function printedIn(code: string): string | undefined {
  const lines = code.trimEnd().split("\n");
  let first = lines.length;
  while (first > 0 && lines[first - 1].startsWith("// ")) first--;
  const said = lines.slice(first).map((line) => line.slice(3));
  return said.length > 0 && code.includes("console.log") ? said.join(" ") : undefined;
}
