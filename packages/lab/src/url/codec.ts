import type { Field } from "./fields.js";

/** The values of a screen that its address holds, in the order in which they are written. */
export type Fields<S> = { readonly [K in keyof S]: Field<S[K]> };

export interface ReadState<S> {
  readonly state: S;
  /** What was not understood, or taken as something else. */
  readonly notices: readonly string[];
}

/** Reads a query such as `f=booth&lr=0.08`. Never throws. */
export function readState<S extends object>(fields: Fields<S>, query: string, defaults: S): ReadState<S> {
  const state = { ...defaults };
  const notices: string[] = [];
  const given = new URLSearchParams(query);
  for (const name of new Set(given.keys())) {
    if (!Object.hasOwn(fields, name)) {
      notices.push(`${name.slice(0, 40)} is no setting of this screen.`);
      continue;
    }
    const key = name as keyof S & string;
    const { value, notice } = fields[key].read(given.get(name) ?? "", name);
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

/** Percent-encoded where needed: commas and colons stay readable. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll("%2C", ",").replaceAll("%3A", ":");
