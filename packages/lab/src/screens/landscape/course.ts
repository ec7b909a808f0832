// What the worker computes for the landscape screen, as plain data.
import { type Columns, columnsOf } from "../../worker/columns.js";
import type { MethodName } from "./state.js";

export type Point = readonly [number, number];

/** A teleport of a run that is drawn, between two points. */
export interface Jump {
  readonly step: number;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

export const jumpsOf = (
  jumps: readonly { readonly step: number; readonly from: Point; readonly to: Point }[],
): Columns<Jump> =>
  columnsOf<Jump>(
    jumps.map(({ step, from, to }) => ({ step, fromX: from[0], fromY: from[1], toX: to[0], toY: to[1] })),
    { step: "number", fromX: "number", fromY: "number", toX: "number", toY: "number" },
  );

/** A teleport as the figures take it. */
export const jumpAt = ({ step, fromX, fromY, toX, toY }: Columns<Jump>, k: number) => ({
  step: step[k],
  from: { x: fromX[k], y: fromY[k] },
  to: { x: toX[k], y: toY[k] },
});

/** An attempt at a teleport. */
export interface CourseTeleport {
  readonly step: number;
  readonly accepted: boolean;
  readonly reason: string;
  readonly drift: number;
  readonly gradNormSqBefore: number;
  readonly gradNormSqAfter: number;
  readonly seconds: number;
}

/** How a run was timed. */
interface Times {
  /** Runs that were timed, after one to warm up; 0: only that one so far, whose time is mostly that of the engine's compiler. */
  readonly runs: number;
  /** Quartiles of several runs, entry t at the point before step t. */
  readonly low?: Float64Array;
  readonly high?: Float64Array;
}

/** One run: entry t of each list is the point before step t, and the last one is the end. */
export interface Course {
  readonly method: MethodName;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly loss: Float64Array;
  readonly gradNormSq: Float64Array;
  /** Of one run, or the median of several. */
  readonly seconds: Float64Array;
  readonly times: Times;
  readonly jumps: Columns<Jump>;
  readonly teleports: Columns<CourseTeleport>;
  readonly status: "done" | "diverged" | "stopped" | "stalled";
  /** Learning rate, where it is not the one that was set. */
  readonly rate?: number | undefined;
  /** Evaluations of loss and gradient, where a step takes several. */
  readonly evaluations?: number | undefined;
}

/** The level set through a point: its orbit once around, or as far as it was followed. */
export interface Orbit {
  /** Whether a group leads around it. */
  readonly isGroup: boolean;
  /** Angle of the group in radians, or length along the curve; 0 at the point. */
  readonly t: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly loss: Float64Array;
  readonly gradNormSq: Float64Array;
  /** Largest eigenvalue of the Hessian. */
  readonly lambdaMax: Float64Array;
  /** Index of the largest squared gradient norm. */
  readonly best: number;
}

/** Why a method has no run here. */
export interface Missing {
  readonly method: MethodName;
  readonly missing: string;
}
