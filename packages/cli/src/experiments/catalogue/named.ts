import { z } from "zod";
import { type ConfigOptions, type OwnOption, schemaOf } from "./schema-of.js";

/** A choice by name in a config: a summary, its options, and how it is made. */
export interface Entry<Input, Made> extends ConfigOptions {
  readonly summary: string;
  make(options: Readonly<Record<string, unknown>>, input: Input): Made;
}

export type Registry<Input, Made> = Readonly<Record<string, Entry<Input, Made>>>;

/** A choice as configs hold it after the check. */
export interface Named {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * The schema of a choice: `NAME`, or `{ name: NAME, ...options }`. The short form is for those that need no options.
 *
 * @param title its name in messages: "unknown optimizer ..."
 */
export function namedSchema(title: string, registry: Readonly<Record<string, ConfigOptions>>) {
  const schemas = Object.entries(registry).map(([name, entry]) => [name, schemaOf(entry)] as const);
  // A choice's own option of that name cannot be set: the name is what chooses.
  const branches = schemas.map(([name, { shape }]) => z.strictObject({ ...shape, name: z.literal(name) }));
  const [first, ...rest] = branches;
  // Option by option: zod generates code for each object that it parses.
  const short = schemas
    .filter(([, { shape }]) => Object.values(shape).every((option) => option.safeParse(undefined).success))
    .map(([name]) => name);
  const long = z.discriminatedUnion("name", [first, ...rest]);
  const schema =
    short.length === 0
      ? long
      : z.union([z.enum(short as [string, ...string[]]).transform((name): Named => ({ name })), long]);
  return schema.meta({ title }) as unknown as z.ZodType<Named, Named | string>;
}

export function makeNamed<Input, Made>(
  registry: Registry<Input, Made>,
  { name, ...options }: Named,
  input: Input,
): Made {
  return registry[name].make(options, input);
}

type Rows = Readonly<Record<string, ConfigOptions & { readonly summary: string; readonly make: unknown }>>;

/** A registry of choices that are made from their options alone. */
export const fromOptions = <Made>(rows: Rows): Registry<undefined, Made> =>
  Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [
      name,
      { ...row, make: (options) => (row.make as (options: unknown) => Made)(options) },
    ]),
  );

export const positive = z.number().gt(0);
export const nonNegative = z.number().min(0);
export const count = z.int().min(1);
export const fromZero = z.int().min(0);

/** Rows of one kind of value. Without a default, in words, an option must be given. */
export const ownOption =
  (schema: z.ZodType, range: string) =>
  (summary: string, otherwise?: string): OwnOption => ({ schema, range, summary, otherwise });

export const flagOption = ownOption(z.boolean(), "true or false");
export const countOption = ownOption(count, "an integer >= 1");
export const countsOption = ownOption(z.array(count).min(1), "a list of integers >= 1");
export const textOption = (range: string) => ownOption(z.string().min(1), range);
