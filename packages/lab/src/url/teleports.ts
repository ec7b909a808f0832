// When a run teleports, in the address.
import { type Field, numberField } from "./fields.js";

/** When a run teleports: never, before these steps, or every so many steps. */
export type Teleports =
  | { readonly kind: "off" }
  | { readonly kind: "at"; readonly steps: readonly number[] }
  | { readonly kind: "every"; readonly steps: number };

/** Most steps of a run: every point of it is kept. */
export const mostSteps = 100_000;
const mostTeleports = 1000;

/** Steps from one teleport to the next. */
export const periodField = /* @__PURE__ */ numberField([1, mostSteps], true);

/** `off`, steps such as `4,100`, or `every:50`. */
export const teleportsField: Field<Teleports> = {
  read(text, name) {
    if (text === "off") return { value: { kind: "off" } };
    const [, period] = /^every:(.*)$/.exec(text) ?? [];
    if (period !== undefined) {
      const { value, notice } = periodField.read(period, name);
      return {
        ...(value === undefined ? {} : { value: { kind: "every", steps: value } as const }),
        // As the address says it.
        ...(notice === undefined ? {} : { notice: notice.replace(`${name}=`, `${name}=every:`) }),
      };
    }
    const one = numberField([0, mostSteps], true);
    const read = text.split(",").map((part) => one.read(part, name));
    const steps = [...new Set(read.flatMap(({ value }) => value ?? []))].sort((a, b) => a - b);
    const kept = steps.slice(0, mostTeleports);
    const [notice] = [
      ...(kept.length < steps.length
        ? [`${name}: at most ${mostTeleports} steps, so the first of them.`]
        : []),
      ...read.flatMap((part) => part.notice ?? []),
    ];
    return {
      ...(kept.length === 0 ? {} : { value: { kind: "at", steps: kept } as const }),
      ...(notice === undefined ? {} : { notice }),
    };
  },
  print: (value) =>
    value.kind === "off" ? "off" : value.kind === "every" ? `every:${value.steps}` : value.steps.join(","),
};

/** Teleports of a kind that was chosen, for runs of `n` steps. */
export function teleportsOf(kind: Teleports["kind"], n: number): Teleports {
  if (kind === "off") return { kind };
  const tenth = Math.max(1, Math.round(n / 10));
  return kind === "every" ? { kind, steps: tenth } : { kind, steps: [tenth] };
}
