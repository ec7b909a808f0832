import type { FloatArray } from "../array.js";
import { ShapeError } from "../errors.js";
import { mapValues } from "../tree.js";
import type { EpochRow, Evaluation } from "./epoch-row.js";
import type { TeleportEvent } from "./teleport-event.js";

/**
 * What the histories of one task and of several have in common.
 *
 * @typeParam V what is measured on validation data
 */
export interface RunHistory<V> {
  /** Seconds of computation up to the end of each step, including teleports and hooks but not evaluation and compilation. */
  readonly seconds: number[];
  /** Ends of epochs, of runs that have them: see `run`. */
  readonly epochs: EpochRow<V>[];
}

/** The history of a run so far, as plain data: every number was measured in that run. One entry per step. */
export interface History extends RunHistory<Evaluation> {
  /** Training loss of each step's batch, before the step's update. */
  readonly loss: number[];
  /** Squared norm of each step's gradient, if the run records it: see `gradNorm`. */
  readonly gradNormSq: number[];
  /** Teleports, including those that moved nothing. */
  readonly teleports: TeleportEvent[];
}

export function emptyHistory(): History {
  return { loss: [], seconds: [], gradNormSq: [], teleports: [], epochs: [] };
}

/** What some steps add to a history that were run at once. */
export interface RanSteps {
  readonly losses: FloatArray;
  readonly gradNormSq: FloatArray;
  /** Teleports among them. */
  readonly events: readonly TeleportEvent[];
  /** Seconds of all of it. */
  readonly seconds: number;
}

/**
 * Appends steps that were run at once.
 *
 * @param pause seconds since the last entry
 * @param timed whether an entry has the time before its step, at its point, or after it
 * @returns the seconds since the last entry
 */
export function appendSteps(
  history: History,
  { losses, gradNormSq, events, seconds }: RanSteps,
  { pause, timed }: { readonly pause: number; readonly timed: "before" | "after" },
): number {
  const first = history.loss.length;
  const teleported = new Map(events.map((event) => [event.step - first, event.seconds]));
  // The steps share what the teleports leave.
  const spent = events.reduce((sum, event) => sum + event.seconds, 0);
  const ofStep = Math.max(0, seconds - spent) / losses.length;
  let clock = (history.seconds.at(-1) ?? 0) + pause;
  // One by one: there may be more steps than a function takes arguments.
  for (let t = 0; t < losses.length; t++) {
    history.loss.push(losses[t]);
    clock += teleported.get(t) ?? 0;
    if (timed === "before") history.seconds.push(clock);
    clock += ofStep;
    if (timed === "after") history.seconds.push(clock);
  }
  for (const x of gradNormSq) history.gradNormSq.push(x);
  history.teleports.push(...events);
  return clock - (history.seconds.at(-1) as number);
}

/** Entries of a history that are no lists of numbers, one a step. */
const records = ["tasks", "teleports", "events", "notes", "epochs"];

/** Lists that may have fewer entries: a run records them or not, or only since it was resumed. */
const optional = ["gradNormSq", "norms", "meanCosines", "cosines", "conflicts"];

/** A copy of a history in which each list of numbers, one a step, is replaced by another value. */
export function mapColumns<H extends object>(history: H, map: (list: number[], path: string) => unknown): H {
  const visit = (value: unknown, path: string): unknown => {
    if (!Array.isArray(value)) {
      return mapValues(value as Record<string, unknown>, (part, key) => visit(part, `${path}.${key}`));
    }
    return value.some(Array.isArray) ? value.map((part, k) => visit(part, `${path}.${k}`)) : map(value, path);
  };
  return mapValues(history as Record<string, unknown>, (value, key) =>
    records.includes(key) ? value : visit(value, key),
  ) as H;
}

/**
 * A copy of the first steps of a history.
 *
 * @throws ShapeError when it has fewer steps
 */
export function historyUpTo<H extends object>(steps: number, past: H): H {
  const cut = mapColumns(past, (list, path) => {
    const mayBeShorter = optional.includes(path.split(".")[0]);
    if (list.length >= steps || mayBeShorter) return list.slice(0, steps);
    throw new ShapeError(
      `A state at step ${steps} needs a history of as many steps; "${path}" has ${list.length}.`,
    );
  });
  const upTo = (name: string, rows: readonly { readonly step: number }[]) =>
    rows.filter(({ step }) => (name === "epochs" ? step <= steps : step < steps));
  return mapValues(cut as Record<string, never>, (rows, name) =>
    records.includes(name) && name !== "tasks" ? upTo(name, rows) : rows,
  ) as H;
}
