import { readFileOrThrow } from "isoloss/node";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type Path, pathText } from "../dotted-path.js";
import { ConfigError, type ConfigIssue } from "./errors.js";
import { explain, type Finding } from "./explain.js";
import { nodesAt, schemaNodeOf } from "./json-schema.js";
import { applyOverrides, isUnder, type Override } from "./overrides.js";

export interface LoadOptions<T extends z.ZodType> {
  readonly schema: T;
  /** `path=value` each, applied in order after the file is read. */
  readonly set?: readonly string[];
  /** Completes the data before the check. */
  readonly translate?: (data: unknown, document: Document) => unknown;
}

/** A config that was read. */
export interface Reading<T> {
  readonly config: T;
  /** The error of findings that a later check has, in the file's order. */
  error(findings: readonly Finding[]): ConfigError;
}

/**
 * Reads a config from a YAML file, checks it and fills in its defaults.
 *
 * @param options `schema`: a zod schema; a `title` in its metadata names a choice in messages ("unknown optimizer ...")
 * @throws ConfigError with all errors, each with file, line and column (of an unresolved alias the file alone), the allowed values and the nearest one
 * @throws DataError when the file cannot be read
 *
 * @example
 * const config = await loadConfig("experiment.yaml", { schema, set: ["optimizer.learningRate=0.01"] });
 */
export async function loadConfig<T extends z.ZodType>(
  path: string,
  options: LoadOptions<T>,
): Promise<z.output<T>> {
  const bytes = await readFileOrThrow(path, { what: "config" });
  return parseConfig(Buffer.from(bytes).toString("utf8"), { ...options, file: path });
}

/**
 * A config from YAML text: see {@link loadConfig}.
 *
 * @param options `file`: what messages call it
 * @throws ConfigError
 */
export const parseConfig = <T extends z.ZodType>(
  text: string,
  options: LoadOptions<T> & { readonly file: string },
): z.output<T> => readConfig(text, options).config;

/** {@link parseConfig}, for what is checked further: its errors can then have places, too. */
export function readConfig<T extends z.ZodType>(
  text: string,
  { schema, set = [], translate = (data) => data, file }: LoadOptions<T> & { readonly file: string },
): Reading<z.output<T>> {
  const isModel = /\.onnx$/i.test(file);
  if (isModel || text.slice(0, 1024).includes("\0")) {
    const message = isModel
      ? "this is an ONNX model, not a config: isoloss model --help lists the commands that take one."
      : "this is a binary file, not a config in YAML.";
    throw new ConfigError([{ where: file, path: "", message }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    // `<<: *name` takes over the keys of another map.
    merge: true,
  });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return `${file}:${line}:${col}`;
  };
  // What bytes that are no UTF-8 are read as.
  const unread = text.indexOf("\ufffd");
  if (unread >= 0) {
    const message =
      "a letter is not in UTF-8. Save the file as UTF-8, or convert it: iconv -f latin1 -t utf-8.";
    throw new ConfigError([{ where: at(unread), path: "", message }]);
  }
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => ({
        where: at(error.pos[0]),
        path: "",
        message:
          error.code === "MULTIPLE_DOCS"
            ? "expected one document; this line begins another."
            : sentence(error.message),
      })),
    );
  }
  const positions = new Positions(document);
  // An alias to nothing is reported below.
  const isShort = (path: Path, name: string) =>
    nodesAt(schemaNodeOf(schema), path, dataOf(document)).some(
      ({ properties }) => properties?.name?.const === name,
    );
  const { overrides, issues } = applyOverrides(document, set, isShort);
  const plain = plainData(document, (message) => new ConfigError([{ where: file, path: "", message }]));
  const data = translate(plain, document);
  const error = (findings: readonly Finding[]): ConfigError => {
    const located = findings.map((finding) => ({ finding, ...locate(finding, positions, overrides) }));
    located.sort((a, b) => placeOf(a, located) - placeOf(b, located) || missingLast(a.finding, b.finding));
    return new ConfigError([
      ...located.map(
        ({ finding: { path, message }, offset, override }): ConfigIssue => ({
          where: override ?? at(offset),
          path: pathText(path),
          message,
        }),
      ),
      ...issues,
    ]);
  };
  const result = schema.safeParse(data);
  if (result.success && issues.length === 0) return { config: result.data, error };
  const findings = result.success ? [] : explain(result.error.issues, schemaNodeOf(schema), data);
  throw error(findings);
}

/**
 * Checks plain data, which a program has read from its own file, as a config.
 *
 * @param options `file`: what messages call it
 * @throws ConfigError with all errors, by file and key
 */
export function checkConfig<T extends z.ZodType>(
  data: unknown,
  { schema, file }: { readonly schema: T; readonly file: string },
): z.output<T> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const findings = explain(result.error.issues, schemaNodeOf(schema), data).sort(missingLast);
  throw new ConfigError(
    findings.map(({ path, message }) => ({ where: file, path: pathText(path), message })),
  );
}

function dataOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

function plainData(document: Document, failure: (message: string) => ConfigError): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Unknown or too many aliases.
    throw failure(sentence((error as Error).message));
  }
}

const sentence = (text: string): string => `${text.split("\n")[0].replace(/[.:]?$/, "")}.`;

function locate(
  { path }: Finding,
  positions: Positions,
  overrides: readonly Override[],
): { readonly offset: number; readonly override?: string } {
  const { offset, depth } = positions.of(path);
  // The last override that set the value, or added what the file does not have.
  const override = [...overrides]
    .reverse()
    .find((o) => isUnder(path, o.path) || commonStart(path, o.path) > depth);
  return override === undefined
    ? { offset }
    : { offset: Number.MAX_SAFE_INTEGER, override: `--set ${override.text}` };
}

interface Located {
  readonly finding: Finding;
  readonly offset: number;
}

/**
 * Where a finding stands among all: in the order of the file, those of overrides last, a missing key after the
 * unknown keys of its map, one of which may have been meant for it.
 */
function placeOf({ finding, offset }: Located, all: readonly Located[]): number {
  if (!finding.isMissing) return offset;
  const map = pathText(finding.path.slice(0, -1));
  const unknown = all.filter((o) => o.finding.isKey && pathText(o.finding.path.slice(0, -1)) === map);
  return Math.max(offset, ...unknown.map((o) => o.offset));
}

const missingLast = (a: Finding, b: Finding): number => Number(a.isMissing ?? 0) - Number(b.isMissing ?? 0);

function commonStart(a: Path, b: Path): number {
  const different = a.findIndex((key, i) => key !== b[i]);
  return different < 0 ? a.length : different;
}

/** Positions of keys and items in the source. Recorded before overrides, whose nodes have no position. */
class Positions {
  readonly #offsets = new Map<string, number>();

  constructor(document: Document) {
    this.#visit(document.contents, []);
  }

  /** The position of a key or item; of a missing one the position of its parent, with the length of the path that exists. */
  of(path: Path): { readonly offset: number; readonly depth: number } {
    for (let depth = path.length; depth > 0; depth--) {
      const offset = this.#offsets.get(JSON.stringify(path.slice(0, depth)));
      if (offset !== undefined) return { offset, depth };
    }
    return { offset: 0, depth: 0 };
  }

  #visit(node: unknown, path: Path): void {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value ?? "") : String(key);
        this.#set([...path, name], key);
        this.#visit(value, [...path, name]);
      }
    } else if (isNode(node) && "items" in node) {
      (node.items as readonly unknown[]).forEach((item, i) => {
        this.#set([...path, i], item);
        this.#visit(item, [...path, i]);
      });
    }
  }

  #set(path: Path, node: unknown): void {
    if (isNode(node) && node.range) this.#offsets.set(JSON.stringify(path), node.range[0]);
  }
}
