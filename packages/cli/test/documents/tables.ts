// The shapes of JSON documents as the page of the site has them: a table a shape, a row a key.
import { readFileSync } from "node:fs";
import { hasAllCases } from "isoloss-test-support/random-cases";

export const readDocument = (name: string): string =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), "utf8");

interface Key {
  readonly name: string;
  readonly isOptional: boolean;
  readonly type: string;
}

/** Keys of each shape, by its heading. */
export type Shapes = ReadonlyMap<string, readonly Key[]>;

/** The shapes of all documents of commands; none, which nothing is held against, where not all cases are tested: the types take seconds. */
export async function documentShapes(): Promise<Shapes> {
  if (!hasAllCases) return new Map();
  const { jsonDocuments } = await import("../../../../scripts/site/json-documents.mjs");
  return shapesIn(jsonDocuments);
}

/** Reads the tables below the headings of the third level. */
function shapesIn(markdown: string): Shapes {
  const shapes = new Map<string, readonly Key[]>();
  for (const section of markdown.split(/^### /m).slice(1)) {
    const [name] = section.split("\n");
    shapes.set(name, [...section.matchAll(/^\| `([^`]+)`(\??) \| (.+?) \|/gm)].map(keyOf));
  }
  return shapes;
}

const keyOf = ([, name, mark, type]: RegExpMatchArray): Key => ({ name, isOptional: mark === "?", type });

const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  number: (value) => Number.isFinite(value),
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  parameter: () => true,
};

/** Where a value is not of a type; empty where it is. */
export function objections(shapes: Shapes, type: string, value: unknown, path = "document"): string[] {
  if (shapes.size === 0) return [];
  const choices = choicesOf(type);
  if (choices.length > 1) {
    const [first, ...others] = choices.map((one) => objections(shapes, one, value, path));
    return others.some((found) => found.length === 0) ? [] : first;
  }
  const [, list] = /^\[(.+)\]$/.exec(type) ?? [];
  const [, map] = /^\{(.+)\}$/.exec(type) ?? [];
  if (list !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((item, i) => objections(shapes, list, item, `${path}[${i}]`));
  }
  if (map !== undefined) {
    if (!isObject(value)) return [`${path} is no object`];
    return Object.entries(value).flatMap(([key, item]) => objections(shapes, map, item, `${path}.${key}`));
  }
  if (Object.hasOwn(plain, type)) return plain[type](value) ? [] : [`${path} is no ${type}`];
  return objectionsOfKeys(shapes, type, value, path);
}

/** The types between which a type leaves the choice: "[number or null] or null" is a list or null. */
function choicesOf(type: string): string[] {
  const choices = [""];
  let depth = 0;
  for (const word of type.split(" ")) {
    if (word === "or" && depth === 0) choices.push("");
    else choices.push(`${choices.pop()} ${word}`.trim());
    depth += word.replaceAll(/[^[{]/g, "").length - word.replaceAll(/[^\]}]/g, "").length;
  }
  return choices;
}

function objectionsOfKeys(shapes: Shapes, type: string, value: unknown, path: string): string[] {
  const keys = shapes.get(type);
  if (keys === undefined) return [`${path}: there is no table ${type}`];
  if (!isObject(value)) return [`${path} is no ${type}`];
  const unknown = Object.keys(value).filter((key) => !keys.some(({ name }) => name === key));
  return [
    ...unknown.map((key) => `${path}.${key} is not in the table ${type}`),
    ...keys.flatMap(({ name, isOptional, type: inner }) => {
      if (!Object.hasOwn(value, name)) return isOptional ? [] : [`${path}.${name} is missing`];
      return objections(shapes, inner, value[name], `${path}.${name}`);
    }),
  ];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
