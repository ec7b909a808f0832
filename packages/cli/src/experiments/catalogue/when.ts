import type { When } from "isoloss";
import { whens } from "isoloss/teleport";
import { z } from "zod";
import { kindSchema, type OwnOptions, schemaOf } from "./schema-of.js";

/** A schedule of teleports: its first key chooses it; its options are beside that key or, without a value, below it. */
interface WhenEntry {
  readonly summary: string;
  readonly options: (typeof whens)[keyof typeof whens]["options"];
  readonly own: OwnOptions;
  readonly schema: z.ZodObject;
  make(config: Readonly<Record<string, unknown>>): When;
}

function entryOf(name: string, row: (typeof whens)[keyof typeof whens]): WhenEntry {
  const make = row.make as (...args: readonly unknown[]) => When;
  const { options, summary } = row;
  if (!("value" in row)) {
    const own = {};
    return {
      summary,
      options,
      own,
      schema: z.strictObject({ [name]: schemaOf({ options }) }),
      make: (config) => make(config[name]),
    };
  }
  const own = {
    [name]: {
      schema: kindSchema(row.value, name) as z.ZodType,
      range: row.value.expected,
      summary: "Chooses this schedule.",
    },
  };
  return {
    summary,
    options,
    own,
    schema: schemaOf({ options, own }),
    make({ [name]: value, ...others }) {
      return make(value, others);
    },
  };
}

/** Schedules by the key that chooses them, all those that the library has. */
export const whenRegistry: Readonly<Record<string, WhenEntry>> = Object.fromEntries(
  Object.entries(whens).map(([name, row]) => [name, entryOf(name, row)]),
);

const schemas = Object.values(whenRegistry).map(({ schema }) => schema);

export const whenSchema = z.union(schemas as [z.ZodObject, z.ZodObject]).meta({ title: "schedule" });

export function makeWhen(config: Readonly<Record<string, unknown>>): When {
  // Of two keys that choose, the check lets only one config through; "every" is also an option of onPredictedGain.
  const key = Object.keys(whenRegistry).find(
    (k) => k in config && !(k === "every" && "onPredictedGain" in config),
  );
  return whenRegistry[key as string].make(config);
}
