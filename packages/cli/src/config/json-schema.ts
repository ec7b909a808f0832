import { z } from "zod";
import type { Path } from "../dotted-path.js";

/** A JSON Schema, as far as messages need it. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly title?: string;
  /** A value as a user may write it. */
  readonly examples?: readonly unknown[];
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode | readonly SchemaNode[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

/**
 * The JSON Schema (draft 7) of a config as a user writes it: keys with defaults may be left out. Editors with a YAML
 * language server complete and check by it, when the file begins with `# yaml-language-server: $schema=PATH`.
 *
 * @example
 * JSON.stringify(configJsonSchema(schema, { title: "Isoloss experiment" }), undefined, 2);
 */
export function configJsonSchema(schema: z.ZodType, { title }: { readonly title?: string } = {}): SchemaNode {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
  });
  return { $schema, ...(title === undefined ? {} : { title }), ...rest } as SchemaNode;
}

const known = new WeakMap<z.ZodType, SchemaNode>();

/** {@link configJsonSchema} of a schema, which is computed once: it takes longer than a check. */
export function schemaNodeOf(schema: z.ZodType): SchemaNode {
  const node = known.get(schema) ?? configJsonSchema(schema);
  known.set(schema, node);
  return node;
}

/** The alternatives that a schema allows at one place, of those that fit the fixed values in the data. */
export function nodesAt(root: SchemaNode, path: Path, data: unknown): SchemaNode[] {
  let nodes = alternatives(root, root);
  let value = data;
  for (const key of path) {
    nodes = fitting(nodes, value).flatMap((node) => {
      const child = childOf(node, key);
      return child === undefined ? [] : alternatives(child, root);
    });
    value =
      isRecord(value) || Array.isArray(value) ? (value as Record<string | number, unknown>)[key] : undefined;
  }
  return fitting(nodes, value);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Resolves the references and unions of a node. */
function alternatives(node: SchemaNode, root: SchemaNode): SchemaNode[] {
  if (node.$ref !== undefined) {
    const target = node.$ref.split("/").slice(1);
    const found = target.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), root);
    return isRecord(found) ? alternatives(found as SchemaNode, root) : [];
  }
  const branches = node.anyOf ?? node.oneOf ?? node.allOf;
  if (branches === undefined) return [node];
  const { title, examples } = node;
  const shared = {
    ...(title === undefined ? {} : { title }),
    ...(examples === undefined ? {} : { examples }),
  };
  return branches.flatMap((branch) => alternatives(branch, root)).map((branch) => ({ ...shared, ...branch }));
}

/** The alternatives whose fixed values the object has; all that are maps, or all, when there are none. */
function fitting(nodes: readonly SchemaNode[], value: unknown): SchemaNode[] {
  if (!isRecord(value)) return [...nodes];
  const maps = nodes.filter(({ type }) => type === undefined || type === "object");
  const fits = maps.filter((node) =>
    Object.entries(node.properties ?? {}).every(
      ([key, child]) => child.const === undefined || child.const === value[key],
    ),
  );
  return [fits, maps].find((some) => some.length > 0) ?? [...nodes];
}

function childOf(node: SchemaNode, key: string | number): SchemaNode | undefined {
  if (typeof key === "number") {
    return Array.isArray(node.items) ? node.items[key] : (node.items as SchemaNode | undefined);
  }
  if (node.properties && Object.hasOwn(node.properties, key)) return node.properties[key];
  return isRecord(node.additionalProperties) ? (node.additionalProperties as SchemaNode) : undefined;
}

/** Keys that an object may have at a place, in the alternatives of which it has all keys that must be there, or in all. */
export function keysAt(root: SchemaNode, path: Path, data: unknown): string[] {
  const all = nodesAt(root, path, data);
  const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)?.[key], data);
  const fits = all.filter(
    ({ required = [] }) => isRecord(value) && required.every((key) => Object.hasOwn(value, key)),
  );
  const nodes = fits.length > 0 ? fits : all;
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}
