import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, parseDocument } from "yaml";
import { type Path, pathText, pathWords } from "../dotted-path.js";
import type { ConfigIssue } from "./errors.js";

/** A `--set path=value` that was applied. */
export interface Override {
  readonly text: string;
  readonly path: Path;
}

/** Whether a path equals another one or continues it. */
export const isUnder = (path: Path, start: Path): boolean =>
  start.length <= path.length && start.every((key, i) => key === path[i]);

/**
 * Applies overrides to a document. "." separates keys, of which the longest that a map has is meant where they have points
 * themselves; items of a list are `list[0]` or `list.0`. A value is YAML: `0.1` a number, `true` a flag, `[1, 2]` a list,
 * `null` nothing, the rest text. Whether keys exist is for the schema.
 *
 * @param isShort whether a text is short for a map with that name: `optimizer: sgd` then takes `optimizer.momentum=0.9`
 */
export function applyOverrides(
  document: Document,
  set: readonly string[],
  isShort: (path: Path, text: string) => boolean = () => false,
): { readonly overrides: readonly Override[]; readonly issues: readonly ConfigIssue[] } {
  const overrides: Override[] = [];
  const issues: ConfigIssue[] = [];
  for (const text of set) {
    const refuse = (path: string, message: string) => issues.push({ where: `--set ${text}`, path, message });
    const [, left, right] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const words = pathWords(left ?? "");
    if (left === undefined || words.some((word) => word.trim() === "")) {
      refuse("", "expected path=value, such as optimizer.learningRate=0.1.");
      continue;
    }
    const value = parseDocument(right, { logLevel: "error" });
    if (value.errors.length > 0) {
      refuse(left, `the value is not YAML: ${value.errors[0].message.split("\n")[0].replace(/:$/, "")}.`);
      continue;
    }
    if (isAlias(value.contents)) {
      refuse(left, "the value is a reference; quote text that begins with *.");
      continue;
    }
    const found = setAtPath(document, left, value.contents, isShort);
    if (typeof found === "string") {
      refuse(left, found);
      continue;
    }
    overrides.push({ text, path: found });
  }
  return { overrides, issues };
}

/** Sets a value at a path as in `--set`: the keys and indices that it stands for, or why it stands for none. */
export function setAtPath(
  document: Document,
  path: string,
  value: unknown,
  isShort: (path: Path, text: string) => boolean,
): Path | string {
  const found = resolvePath(document, pathWords(path), isShort);
  if (typeof found !== "string") document.setIn(found, value);
  return found;
}

/** The keys and indices that words stand for in a document, or why they stand for none. */
function resolvePath(
  document: Document,
  words: readonly string[],
  isShort: (path: Path, text: string) => boolean,
): (string | number)[] | string {
  let node: unknown = document.contents;
  const path: (string | number)[] = [];
  let rest = words;
  while (rest.length > 0) {
    const [word] = rest;
    if (isSeq(node)) {
      const index = Number(word);
      // The index after the last item appends.
      if (!/^\d+$/.test(word) || index > node.items.length) {
        return `"${word}" is not an index of ${path.length === 0 ? "the config, a list" : `the list ${pathText(path)}`}, whose length is ${node.items.length}; indices start at 0.`;
      }
      path.push(index);
      node = node.get(index, true);
      rest = rest.slice(1);
    } else {
      const key = longestKey(node, rest) ?? word;
      path.push(key);
      node = isMap(node) ? node.get(key, true) : undefined;
      rest = rest.slice(pathWords(key).length);
    }
  }
  for (let length = 0; length < path.length; length++) {
    const start = path.slice(0, length);
    const above = length === 0 ? document.contents : document.getIn(start, true);
    if (above === undefined && hasMerge(document.getIn(start.slice(0, -1), true))) {
      return `${pathText(start)} may come from another map by "<<": set it as a whole.`;
    }
    if (above === undefined || above === null || isCollection(above)) continue;
    // A map replaces null.
    if (isScalar(above) && above.value === null) {
      if (length === 0) document.contents = null;
      else document.deleteIn(start);
      continue;
    }
    if (isScalar(above) && typeof above.value === "string" && isShort(start, above.value)) {
      document.setIn(start, document.createNode({ name: above.value }));
      continue;
    }
    const what = isScalar(above) ? JSON.stringify(above.value) : "a reference to another value";
    return `${length === 0 ? "the config" : pathText(start)} is ${what}, which has no keys.`;
  }
  return path;
}

/** The longest key of a map that words begin with: keys may be paths themselves, as those of a sweep's parameters are. */
function longestKey(node: unknown, words: readonly string[]): string | undefined {
  if (!isMap(node)) return undefined;
  return node.items
    .flatMap(({ key }) => (isScalar(key) && typeof key.value === "string" ? [key.value] : []))
    .filter((key) => isUnder(words, pathWords(key)))
    .sort((a, b) => pathWords(b).length - pathWords(a).length)[0];
}

/** Whether a node is a map that takes over keys of another one. */
const hasMerge = (node: unknown): boolean =>
  isMap(node) && node.items.some(({ key }) => isScalar(key) && /^(Symbol\(<<\)|<<)$/.test(String(key.value)));
