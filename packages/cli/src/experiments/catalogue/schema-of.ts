import { describeOptions, type Kind, type OptionDescription, type OptionTableData } from "isoloss";
import { z } from "zod";

/** An option that only the command line has, or that it reads differently. */
export interface OwnOption {
  readonly schema: z.ZodType;
  /** What a value must be, in words. */
  readonly range: string;
  /** The default, in words; an option without one is required. */
  readonly otherwise?: string;
  readonly summary: string;
  readonly fields?: OptionTableData;
}

export type OwnOptions = Readonly<Record<string, OwnOption>>;

/** Options as configs may have them: those of a table that a file can hold, and the command line's own. */
export interface ConfigOptions {
  readonly options: OptionTableData;
  readonly own?: OwnOptions;
}

/** A strict zod object for options; its JSON Schema has their summaries and defaults. */
export function schemaOf({ options, own = {} }: ConfigOptions): z.ZodObject {
  const known = describeOptions(options).flatMap(({ name, summary, required, default: value }) => {
    const schema = kindSchema(options.rows[name].kind, name);
    if (schema === undefined || Object.hasOwn(own, name)) return [];
    const described = schema.meta({
      ...schema.meta(),
      description: summary,
      ...(isPlain(value) ? { default: value } : {}),
    });
    return [[name, required ? described : described.optional()]];
  });
  const others = Object.entries(own).map(([name, { schema, summary, otherwise }]) => {
    const described = schema.meta({ ...schema.meta(), description: summary });
    return [name, otherwise === undefined ? described : described.optional()];
  });
  return z.strictObject(Object.fromEntries([...known, ...others]));
}

/** The options of {@link schemaOf} as printed; nested ones by their dotted paths. */
export function describeConfigOptions({ options, own = {} }: ConfigOptions): readonly OptionDescription[] {
  const known = describeOptions(options).flatMap((option) => {
    const { name, kind } = option;
    if (Object.hasOwn(own, name) || kindSchema(options.rows[name].kind, name) === undefined) return [];
    const inside = kind.type === "anyOf" ? kind.kinds.map(({ spec }) => spec) : [kind];
    // No number of a file is infinite.
    const range = option.range.replaceAll(", or Infinity", "");
    return [
      { ...option, range },
      ...inside.flatMap((spec) => (spec.type === "nested" ? below(name, spec.table) : [])),
    ];
  });
  const others = Object.entries(own).flatMap(([name, { range, summary, otherwise, fields }]) => [
    {
      name,
      kind: { type: "text", what: range } as const,
      range,
      required: otherwise === undefined,
      ...(otherwise === undefined ? {} : { otherwise }),
      summary,
    },
    ...(fields === undefined ? [] : below(name, fields)),
  ]);
  return [...known, ...others];
}

/** The options of a further table as own ones. */
export const ownOptionsOf = (options: OptionTableData): OwnOptions =>
  Object.fromEntries(
    describeConfigOptions({ options }).map(
      ({ name, range, summary, required, default: value, otherwise }) => [
        name,
        {
          schema: kindSchema(options.rows[name].kind, name) as z.ZodType,
          range,
          summary,
          ...(required ? {} : { otherwise: otherwise ?? String(value) }),
        },
      ],
    ),
  );

const below = (name: string, options: OptionTableData): OptionDescription[] =>
  describeConfigOptions({ options }).map((option) => ({ ...option, name: `${name}.${option.name}` }));

/** Whether JSON can hold it. */
const isPlain = (value: unknown): boolean =>
  value !== undefined &&
  JSON.stringify(JSON.parse(JSON.stringify({ value })).value) === JSON.stringify(value);

/** The schema of a kind of value; undefined where a file cannot hold it. */
export function kindSchema({ spec }: Kind, name: string): z.ZodType | undefined {
  switch (spec.type) {
    case "number": {
      const { min, max, above, below, integer } = spec;
      let schema: z.ZodNumber = integer ? z.int() : z.number();
      if (min !== undefined) schema = schema.min(min);
      if (max !== undefined) schema = schema.max(max);
      if (above !== undefined) schema = schema.gt(above);
      if (below !== undefined) schema = schema.lt(below);
      return schema;
    }
    case "flag":
      return z.boolean();
    case "text":
      return z.string();
    case "oneOf": {
      const values = spec.values as [string, ...string[]];
      if (values.length === 1) return z.literal(values[0]);
      return values.every((value) => typeof value === "string")
        ? z.enum(values).meta({ title: name })
        : z.literal(values);
    }
    case "list": {
      const item = kindSchema(spec.item, name);
      if (item === undefined) return undefined;
      const list = z.array(item).min(spec.least);
      return spec.length === undefined ? list : list.length(spec.length);
    }
    case "record": {
      const fields = Object.entries(spec.fields).map(([key, kind]) => [key, kindSchema(kind, key)]);
      return z.strictObject(Object.fromEntries(fields));
    }
    case "nested":
      return schemaOf({ options: spec.table });
    case "anyOf":
      return union(
        spec.kinds.flatMap((kind) => kindSchema(kind, name) ?? []),
        spec.kinds,
      );
    case "inCode":
      return undefined;
  }
}

/** A union, discriminated by the field that has one value in each of the objects, if there is one. */
function union(schemas: readonly z.ZodType[], kinds: readonly Kind[]): z.ZodType | undefined {
  if (schemas.length < 2) return schemas[0];
  const tables = kinds.flatMap(({ spec }) => (spec.type === "nested" ? [spec.table] : []));
  const discriminator = Object.keys(tables[0]?.rows ?? {}).find((key) =>
    tables.every(({ rows }) => rows[key]?.kind.spec.type === "oneOf" && rows[key].required),
  );
  return discriminator !== undefined && tables.length === schemas.length
    ? z.discriminatedUnion(discriminator, schemas as never)
    : z.union(schemas as never);
}
