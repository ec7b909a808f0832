// Explains zod's findings to the author of a YAML file.
import { isEqual, partition, sumBy, uniq } from "es-toolkit";
import { stringify } from "yaml";
import type { z } from "zod";
import type { Path } from "../dotted-path.js";
import { keysAt, nodesAt, type SchemaNode } from "./json-schema.js";
import { nearest } from "./nearest.js";

/** A finding: of the value at a path, or of a key of the map there. */
export interface Finding {
  readonly path: Path;
  /** The message is about this key, not about the value. */
  readonly isKey?: boolean;
  /** The value was left out. */
  readonly isMissing?: boolean;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** Findings of a check, each with what is allowed and what may have been meant. */
export const explain = (issues: readonly Issue[], schema: SchemaNode, data: unknown): Finding[] =>
  findingsOf(issues, schema, data).map((finding) =>
    finding.isMissing ? { ...finding, message: finding.message + keptByVariant(finding, data) } : finding,
  );

/** What a variant that lacks a key could have meant to keep: its maps replace those above whole. */
function keptByVariant({ path: [list, variant, key, ...inside] }: Finding, data: unknown): string {
  if (list !== "variants" || inside.length === 0) return "";
  const [own, base] = [valueAt(data, [list, variant, key]), valueAt(data, [key])];
  if (typeof own !== "object" || typeof base !== "object" || own === null || base === null) return "";
  const kept = Object.keys(base).filter((name) => !Object.hasOwn(own, name));
  if (kept.length === 0) return "";
  return `; a variant's ${key} replaces the whole ${key} above: repeat what stays of it (${kept.join(", ")})`;
}

function findingsOf(issues: readonly Issue[], schema: SchemaNode, data: unknown): Finding[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => unknownKey(key, path, schema, data));
      case "invalid_union":
        return explainUnion(issue, schema, data);
      case "invalid_key":
      case "invalid_element":
        return findingsOf(
          issue.issues.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as Issue),
          schema,
          data,
        );
      default: {
        const value = valueAt(data, path);
        return [{ path, isMissing: value === undefined, message: describe(issue, value, schema, data) }];
      }
    }
  });
}

/** Of keys that older files have, what to write instead. */
const successors: Readonly<Record<string, string>> = {
  controls: "roles: { BASELINE: { VARIANT: control } }.",
};

function unknownKey(key: string, path: Path, schema: SchemaNode, data: unknown): Finding {
  const known = keysAt(schema, path, data);
  const others = Object.keys(valueAt(data, path) as object).filter((name) => name !== key);
  const successor = path.length === 0 ? successors[key] : undefined;
  if (successor !== undefined) return { path: [key], isKey: true, message: `is now ${successor}` };
  // Another alternative may know it.
  const hint = known.includes(key) ? ` beside ${others.join(", ")}.` : suggestion(key, known);
  return { path: [...path, key], isKey: true, message: `unknown key${key === "" ? ' ""' : ""}${hint}` };
}

/** Keys of a map that none of its alternatives has: one may be the misspelled key that chooses among them. */
function strayKeys(path: Path, schema: SchemaNode, data: unknown): Finding[] {
  const map = valueAt(data, path);
  if (typeof map !== "object" || map === null || Array.isArray(map)) return [];
  const maps = nodesAt(schema, path, data).filter(({ type }) => type === "object");
  if (maps.some((node) => node.additionalProperties !== false)) return [];
  const known = keysAt(schema, path, data);
  return Object.keys(map)
    .filter((key) => !known.includes(key))
    .map((key) => unknownKey(key, path, schema, data));
}

type UnionIssue = Issue & { readonly code: "invalid_union" };

/** The alternatives of a union, and in the place of one that is a union itself its own. */
const alternativesOf = (issue: UnionIssue): readonly (readonly Issue[])[] =>
  issue.errors.flatMap((branch): readonly (readonly Issue[])[] => {
    const [first] = branch;
    const isUnion = branch.length === 1 && first.code === "invalid_union" && first.path.length === 0;
    return isUnion && first.discriminator === undefined ? alternativesOf(first) : [branch];
  });

/** The findings of the alternative that was most likely meant: the one whose check got furthest. */
function explainUnion(issue: UnionIssue, schema: SchemaNode, data: unknown): Finding[] {
  const path = issue.path as Path;
  if (issue.discriminator !== undefined) {
    const values = (issue as { readonly options?: readonly unknown[] }).options ?? [];
    // The title of the alternatives together says more than the key.
    const title = titleAt(schema, path, data) ?? titleAt(schema, path.slice(0, -1), data);
    const value = valueAt(data, path);
    const finding = { path, isMissing: value === undefined, message: wrongValue(value, values, title) };
    return value === undefined ? [...strayKeys(path.slice(0, -1), schema, data), finding] : [finding];
  }
  const branches = alternativesOf(issue).filter((branch) => branch.length > 0);
  const isInside = (branch: readonly Issue[]) =>
    branch.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys");
  const faults = (branch: readonly Issue[]) =>
    sumBy(branch, (inner) => {
      if (inner.code === "unrecognized_keys") return inner.keys.length;
      return 1 + keysOutside(inner, path, schema, data);
    });
  // Of two that fit alike, the one is meant of which the map has a key, not the one whose key is missing.
  const missing = (branch: readonly Issue[]) =>
    sumBy(branch, (inner) => Number(valueAt(data, [...path, ...(inner.path as Path)]) === undefined));
  const strange = (branch: readonly Issue[]) =>
    sumBy(branch, ({ code }) => Number(code === "unrecognized_keys"));
  const inside = branches
    .filter(isInside)
    .sort((a, b) => faults(a) - faults(b) || missing(a) - missing(b) || strange(a) - strange(b));
  const keys = uniq(inside.map(([first]) => first.path[0]));
  if (isEqual(valueAt(data, path), {}) && keys.length > 1)
    return [{ path, message: `expected a map with one of ${keys.join(", ")}; got {}` }];
  if (inside.length > 0) {
    const inner = inside[0].map((i) => ({ ...i, path: [...issue.path, ...i.path] }) as Issue);
    return findingsOf(inner, schema, data);
  }
  const flat = branches.flat();
  const values = flat.flatMap((inner) => (inner.code === "invalid_value" ? inner.values : []));
  const value = valueAt(data, path);
  const nodes = nodesAt(schema, path, data);
  if (value !== undefined && values.length > 0 && typeof value === "string") {
    const namesIn = ({ required = [], properties = {} }: SchemaNode) =>
      required.flatMap((key) => properties[key]?.const ?? []);
    const meant = nodes.find((node) => namesIn(node).includes(value));
    if (meant) return [{ path, message: `"${value}" needs options: ${shortest(meant)}` }];
    const known = [...new Set([...nodes.flatMap(namesIn), ...values])];
    return [{ path, message: wrongValue(value, known, titleAt(schema, path, data)) }];
  }
  const expected = [...new Set(flat.map((inner) => expectation(inner, nodes)))];
  const words = [...expected, ...orNull(nodes, expected)].join(" or ") + suchAs(nodes);
  return [{ path, isMissing: value === undefined, message: expectedButGot(words, value) }];
}

/** The map with the keys alone that must be there: `{ name: mlp, sizes: ... }`. */
function shortest({ required = [], properties = {} }: SchemaNode): string {
  const [fixed, open] = partition(required, (key) => properties[key]?.const !== undefined);
  return `{ ${[...fixed.map((key) => `${key}: ${properties[key].const}`), ...open.map((key) => `${key}: ...`)].join(", ")} }`;
}

/** Number of a map's keys that no alternative knows among which a key chooses that the map does not have. */
function keysOutside(issue: Issue, path: Path, schema: SchemaNode, data: unknown): number {
  if (issue.code !== "invalid_union" || issue.discriminator === undefined) return 0;
  const { discriminator } = issue;
  const map = valueAt(data, [...path, ...(issue.path as Path).slice(0, -1)]) as object;
  if (Object.hasOwn(map, discriminator)) return 0;
  const known = nodesAt(schema, path, undefined)
    .filter(({ properties }) => properties?.[discriminator]?.const !== undefined)
    .flatMap(({ properties = {} }) => Object.keys(properties));
  return Object.keys(map).filter((key) => !known.includes(key)).length;
}

function describe(issue: Issue, value: unknown, schema: SchemaNode, data: unknown): string {
  if (issue.code === "invalid_value" && typeof value === typeof issue.values[0]) {
    return wrongValue(value, issue.values, titleAt(schema, issue.path as Path, data));
  }
  if (issue.code === "custom") return issue.message;
  const nodes = nodesAt(schema, issue.path as Path, data);
  const expected = expectation(issue, nodes);
  const others = issue.code === "invalid_type" ? orNull(nodes, [expected]).map((word) => ` or ${word}`) : [];
  return expectedButGot([expected, ...others, suchAs(nodes)].join(""), value);
}

/** What is allowed besides, where that is null. */
const orNull = (nodes: readonly SchemaNode[], expected: readonly string[]): string[] =>
  nodes.some(({ type }) => type === "null") && !expected.includes("null") ? ["null"] : [];

/** The examples that a schema gives: `, such as { name: loss }`. */
function suchAs(nodes: readonly SchemaNode[]): string {
  const { examples = [] } = nodes.find((node) => node.examples !== undefined) ?? {};
  return examples.length === 0 ? "" : `, such as ${examples.map(flowText).join(" or ")}`;
}

const flowText = (value: unknown): string =>
  stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();

/** The value that was expected, by the issue and by the schema at its place. */
function expectation(issue: Issue, nodes: readonly SchemaNode[]): string {
  const numeric = nodes.filter((node) => node.type === "number" || node.type === "integer");
  switch (issue.code) {
    case "invalid_type":
      if ((issue.expected === "number" || issue.expected === "int") && numeric.length > 0)
        return range(numeric[0]);
      return types[issue.expected] ?? `a ${issue.expected}`;
    case "invalid_value":
      return `${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "too_small":
    case "too_big":
      return bound(issue, nodes);
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      // A schema may describe its pattern in words.
      if (!issue.message.startsWith("Invalid ")) return issue.message;
      return issue.pattern === undefined
        ? `text in the format ${issue.format}`
        : `text that matches ${issue.pattern}`;
    default:
      return issue.message;
  }
}

const types: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "an integer",
  null: "null",
  number: "a number",
  object: "a map of keys",
  record: "a map of keys",
  string: "text",
  tuple: "a list",
};

type Bound = Issue & { readonly code: "too_small" | "too_big" };

function bound(issue: Bound, nodes: readonly SchemaNode[]): string {
  const isLow = issue.code === "too_small";
  const limit = isLow ? issue.minimum : issue.maximum;
  const words = `${isLow ? "at least" : "at most"} ${limit}`;
  switch (issue.origin) {
    case "array": {
      const isExact = nodes.some((node) => node.minItems === limit && node.maxItems === limit);
      return `a list of ${isExact ? limit : words}`;
    }
    case "string":
      return isLow && limit === 1 ? "text that is not empty" : `text of ${words} characters`;
    case "number":
    case "int": {
      const [node] = nodes.filter(({ type }) => type === "number" || type === "integer");
      const sign = `${isLow ? ">" : "<"}${issue.inclusive === false ? "" : "="}`;
      return node ? range(node) : `a number ${sign} ${limit}`;
    }
    default:
      return `a map of ${words} keys`;
  }
}

/** The numbers that a schema allows. */
function range({ type, minimum, exclusiveMinimum, maximum, exclusiveMaximum }: SchemaNode): string {
  const parts = [
    [">=", minimum],
    [">", exclusiveMinimum],
    ["<=", maximum],
    ["<", exclusiveMaximum],
  ] as const;
  // zod limits integers to those that a double holds exactly.
  const limits = parts.filter(
    ([, limit]) => limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER,
  );
  const kind = type === "integer" ? "an integer" : "a number";
  return [kind, limits.map(([sign, limit]) => `${sign} ${limit}`).join(" and ")].join(" ").trim();
}

function expectedButGot(expected: string, value: unknown): string {
  return value === undefined ? `missing; expected ${expected}` : `expected ${expected}; got ${show(value)}`;
}

function wrongValue(value: unknown, values: readonly unknown[], title = "value"): string {
  if (value === undefined) return `missing; expected one of ${values.map(String).join(", ")}`;
  const text = typeof value === "string" ? value : show(value);
  return `unknown ${title} ${show(value)}${suggestion(text, values.map(String))}`;
}

/** `; did you mean "adam"? Known: adam, sgd.` */
function suggestion(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  const hint = meant === undefined ? "." : `; did you mean "${meant}"?`;
  return known.length > 0 ? `${hint} Known: ${known.join(", ")}.` : hint;
}

function show(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value);
  if (Array.isArray(value) && value.length > 8) return `a list of ${value.length}`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const titleAt = (schema: SchemaNode, path: Path, data: unknown): string | undefined =>
  nodesAt(schema, path, data).find((node) => node.title !== undefined)?.title;

/** The value at a path of plain data. */
function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string | number, unknown>)[key]
        : undefined,
    data,
  );
}
