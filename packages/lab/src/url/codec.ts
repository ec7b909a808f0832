import type { Field } from "./fields.js";

/** The settings of a screen that its address holds, in the order in which they are written. */
export type Fields<S> = { readonly [K in keyof S]: Field<S[K]> };

/** The values of the settings: what their fields read. */
export type StateOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer V> ? V : never };

export interface ReadState<S> {
  readonly state: S;
  /** What was not understood, or taken as something else. */
  readonly notices: readonly string[];
}

/** The keys and values of a query, in which a plus is a plus. */
export const settingsIn = (query: string): URLSearchParams =>
  new URLSearchParams(query.replaceAll("+", "%2B"));

/** What to say of a key that has several values: the first counts. Nothing of others. */
export function repeatedNotices(name: string, values: readonly string[]): readonly string[] {
  if (values.length < 2) return [];
  const [first] = values;
  const shown = first.length > 40 ? `${first.slice(0, 40)}…` : first;
  return [
    `${name.slice(0, 40)} has ${values.length} values: the first is taken, ${shown || "which is empty"}.`,
  ];
}

/** Reads a query such as `f=booth&lr=0.08`. Never throws. */
export function readState<S extends object>(fields: Fields<S>, query: string, defaults: S): ReadState<S> {
  const state = { ...defaults };
  const notices: string[] = [];
  const settings = settingsIn(query);
  for (const name of new Set(settings.keys())) {
    if (!Object.hasOwn(fields, name)) {
      notices.push(`${name.slice(0, 40)} is no setting of this screen.`);
      continue;
    }
    notices.push(...repeatedNotices(name, settings.getAll(name)));
    const key = name as keyof S & string;
    const { value, notice } = fields[key].read(settings.get(name) ?? "", name);
    if (value !== undefined) state[key] = value;
    if (notice !== undefined) notices.push(notice);
  }
  return { state, notices };
}

/** Writes what differs from the defaults, such as `f=booth&lr=0.08`. */
export function printState<S extends object>(fields: Fields<S>, state: S, defaults: S): string {
  const parts: string[] = [];
  for (const key of Object.keys(fields) as (keyof S & string)[]) {
    const text = fields[key].print(state[key]);
    if (text !== fields[key].print(defaults[key])) parts.push(`${key}=${encoded(text)}`);
  }
  return parts.join("&");
}

/** Percent-encoded where needed: lists and formulas stay readable. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/%(?:2C|3A|2B|2F|5E)/g, decodeURIComponent);
