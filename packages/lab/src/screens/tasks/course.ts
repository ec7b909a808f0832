// What the worker computes for the tasks screen, as plain data.
import type { Columns } from "../../worker/columns.js";
import type { Jump } from "../landscape/course.js";
import type { MethodName, VariantName } from "./state.js";
import type { Measured } from "./toy.js";

export type Point = readonly [number, number];

/** An attempt at a teleport. */
export interface Attempt {
  readonly step: number;
  readonly accepted: boolean;
  readonly reason: string;
  /** How far the mean of the losses moved; NaN where nothing was tried. */
  readonly change: number;
  readonly seconds: number;
}

/** A run so far: entry k of each list is after k times `unit` steps, and the last one is the end. */
export interface Course extends Measured {
  readonly method: MethodName;
  readonly variant: VariantName;
  /** Steps between entries. */
  readonly unit: number;
  readonly step: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** To the Pareto front. */
  readonly distance: Float64Array;
  readonly seconds: Float64Array;
  readonly jumps: Columns<Jump>;
  readonly attempts: Columns<Attempt>;
  /** `front`: it reached the front and ended there. */
  readonly status: "running" | "front" | "done" | "failed";
  /** Why it failed, or what else is to say. */
  readonly note: string;
}

/** Names of a run: its method and how it ran. */
export const runKey = ({ method, variant }: Pick<Course, "method" | "variant">): string =>
  `${method} ${variant}`;

/** Of a run from one of the five starts: the step at which it reached the front, or undefined. */
export interface Arrival {
  readonly method: MethodName;
  readonly variant: VariantName;
  readonly start: number;
  readonly arrived: number | undefined;
  readonly path: Pick<Course, "x" | "y" | "first" | "second">;
}
