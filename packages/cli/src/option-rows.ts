// Options of commands as rows: what is typed, what it means, and how its text is read.
import { Option } from "commander";
import { kebabCase } from "es-toolkit/string";

/**
 * An option of a command, as commander's options for the name of its row: `heldOut` is `--held-out`. `T` is what the command
 * gets, undefined where the option may be left out and has no default.
 */
export type OptionRow<T> = ((name: string) => readonly Option[]) & { readonly type?: T };

export type OptionRows = Readonly<Record<string, OptionRow<unknown>>>;

/** What a command gets of its options. */
export type Values<R extends OptionRows> = {
  readonly [K in keyof R]: R[K] extends OptionRow<infer T> ? T : never;
};

const flagOf = (name: string): string => `--${kebabCase(name)}`;

type Parse<T> = (text: string, before: T) => T;

/**
 * An option with a value, such as `--rank <n>`.
 *
 * @param parse throws InvalidArgumentError; default the text as it is
 * @param shown the default as the help has it
 */
export function value(placeholder: string, about: string): OptionRow<string | undefined>;
export function value<T>(
  placeholder: string,
  about: string,
  parse: (text: string) => T,
): OptionRow<T | undefined>;
export function value<T>(
  placeholder: string,
  about: string,
  parse: Parse<T>,
  otherwise: T,
  shown?: string,
): OptionRow<T>;
export function value(
  placeholder: string,
  about: string,
  // biome-ignore lint/suspicious/noExplicitAny: what is checked are the forms above
  parse: Parse<any> = (text) => text,
  otherwise?: unknown,
  shown?: string,
): OptionRow<unknown> {
  return (name) => [
    new Option(`${flagOf(name)} ${placeholder}`, about).argParser(parse).default(otherwise, shown),
  ];
}

/** An option that must be given. */
export const required =
  <T>(row: OptionRow<T>): OptionRow<Exclude<T, undefined>> =>
  (name) =>
    row(name).map((option) => option.makeOptionMandatory());

/** An option that excludes another one, by the name of that one's row. */
export const excluding =
  <T>(other: string, row: OptionRow<T>): OptionRow<T> =>
  (name) =>
    row(name).map((option) => option.conflicts(other));

/** An option that is false unless it is given. */
export const flag =
  (about: string): OptionRow<boolean> =>
  (name) => [new Option(flagOf(name), about).default(false)];

/** An option that is true unless `--no-NAME` is given. */
export const flagOff =
  (about: string): OptionRow<boolean> =>
  (name) => [new Option(`--no-${kebabCase(name)}`, about)];

/** One of some words. */
export function choice<const N extends string>(
  placeholder: string,
  about: string,
  names: readonly N[],
): OptionRow<N | undefined>;
export function choice<const N extends string>(
  placeholder: string,
  about: string,
  names: readonly N[],
  otherwise: NoInfer<N>,
): OptionRow<N>;
export function choice(
  placeholder: string,
  about: string,
  names: readonly string[],
  otherwise?: string,
): OptionRow<string | undefined> {
  return (name) => [new Option(`${flagOf(name)} ${placeholder}`, about).choices(names).default(otherwise)];
}

/** Texts of an option that may be given several times. */
export const texts = (placeholder: string, about: string): OptionRow<readonly string[]> =>
  value<readonly string[]>(placeholder, about, (text, before) => [...before, text], []);

/** `--json`. */
export const json = (about = "one JSON document on stdout instead of text"): OptionRow<boolean> =>
  flag(about);
