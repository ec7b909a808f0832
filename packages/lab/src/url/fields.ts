// How values are read from the address and written into it. Reading never throws: what is not understood becomes a notice.

/** What a text says: its value, left out where it says none, and what the reader has to be told. */
export interface Reading<V> {
  readonly value?: V;
  readonly notice?: string;
}

/** A value in the address. `print` writes what `read` understands. */
export interface Field<V> {
  read(text: string, name: string): Reading<V>;
  print(value: V): string;
}

/** The least and the largest value that is taken. */
export type Range = readonly [number, number];

const notUnderstood = (name: string, text: string, expected: string): Reading<never> => ({
  notice: `${name}=${shortened(text)} is not ${expected}: not taken.`,
});

const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** A number within hard limits: beyond them it is taken as the limit. */
export function numberField([min, max]: Range, integer = false): Field<number> {
  const expected = integer ? "a whole number" : "a number";
  return {
    read(text, name) {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (Number.isNaN(value)) return notUnderstood(name, text, expected);
      const whole = integer ? Math.round(value) : value;
      const held = Math.min(max, Math.max(min, whole));
      if (held === value) return { value: held };
      if (held === whole) return { value: held, notice: `${name}=${shortened(text)} is taken as ${held}.` };
      const limit = value > max ? max : min;
      return { value: held, notice: `${name}=${shortened(text)} is beyond ${limit}: taken as ${held}.` };
    },
    print: String,
  };
}

export function choiceField<const V extends string>(values: readonly V[]): Field<V> {
  return {
    read(text, name) {
      const value = values.find((v) => v === text);
      return value === undefined ? notUnderstood(name, text, `one of ${values.join(", ")}`) : { value };
    },
    print: (value) => value,
  };
}

export const flagField: Field<boolean> = {
  read: (text, name) =>
    text === "1" || text === "0" ? { value: text === "1" } : notUnderstood(name, text, "1 or 0"),
  print: (value) => (value ? "1" : "0"),
};

/** Two numbers by comma, each as a field of one number reads it. */
export function pairField(one: Field<number>): Field<readonly [number, number]> {
  return {
    read(text, name) {
      const parts = text.split(",").map((part) => one.read(part, name));
      const [a, b] = parts.map(({ value }) => value);
      if (parts.length !== 2 || a === undefined || b === undefined) {
        return notUnderstood(name, text, "two numbers with a comma between");
      }
      const notice = parts.flatMap((part) => part.notice ?? [])[0];
      return { value: [a, b], ...(notice === undefined ? {} : { notice }) };
    },
    print: (value) => value.join(","),
  };
}

/** Some of several names, each once, by comma and in their own order; `-` for none. */
export function namesField<const V extends string>(values: readonly V[]): Field<readonly V[]> {
  return {
    read(text, name) {
      const given = text === "-" ? [] : text.split(",");
      const value = values.filter((v) => given.includes(v));
      const unknown = given.find((v) => !values.includes(v as V));
      if (unknown === undefined) return { value };
      return {
        value,
        notice: `${name}: ${shortened(unknown) || "nothing"} is none of ${values.join(", ")}.`,
      };
    },
    print: (value) => (value.length === 0 ? "-" : values.filter((v) => value.includes(v)).join(",")),
  };
}
