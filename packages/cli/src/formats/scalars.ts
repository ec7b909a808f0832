import { leaves } from "../dotted-path.js";
import type { JsonRecord } from "../run/json-lines.js";

/** The numbers of a record that can be drawn against its step: all but `step` and `seconds`. */
export function scalarsOf(record: JsonRecord): Record<string, number> {
  const numbers = leaves(record).filter((leaf): leaf is [string, number] => typeof leaf[1] === "number");
  return Object.fromEntries(numbers.filter(([path]) => path !== "step" && path !== "seconds"));
}
