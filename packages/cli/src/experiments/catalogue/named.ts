import { z } from "zod";

/** Something that a config chooses by name: what it is in a line, its options, and how it is made. */
export interface Entry<Input, Made> {
  readonly summary: string;
  /** A strict zod object without `name`. */
  readonly options: z.ZodObject;
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
 * @param title what a message calls it: "unknown optimiser ..."
 */
export function namedSchema(
  title: string,
  registry: Readonly<Record<string, { readonly options: z.ZodObject }>>,
) {
  const names = Object.keys(registry);
  const branches = Object.entries(registry).map(([name, { options }]) =>
    z.strictObject({ name: z.literal(name), ...options.shape }),
  );
  const [first, ...rest] = branches;
  const short = names.filter((name) => registry[name].options.safeParse({}).success);
  const long = z.discriminatedUnion("name", [first, ...rest]);
  const schema =
    short.length === 0
      ? long
      : z.union([z.enum(short as [string, ...string[]]).transform((name): Named => ({ name })), long]);
  return schema.meta({ title }) as unknown as z.ZodType<Named, Named | string>;
}

/** Makes what a config chose. The check has seen to it that the name is known. */
export function makeNamed<Input, Made>(
  registry: Registry<Input, Made>,
  { name, ...options }: Named,
  input: Input,
): Made {
  return registry[name].make(options, input);
}

export const positive = z.number().gt(0);
export const nonNegative = z.number().min(0);
export const count = z.int().min(1);
export const fromZero = z.int().min(0);
/** Momenta and other smoothings. */
export const smoothing = z.number().min(0).lt(1);
