// The settings of the landscape screen, which are what its address holds.
import { type Fields, printState, type ReadState, readState } from "../../url/codec.js";
import { choiceField, flagField, namesField, numberField, pairField } from "../../url/fields.js";
import { type Presets, takePreset } from "../../url/presets.js";
import { type Teleports, teleportsField } from "../../url/teleports.js";

export const functionNames = ["rosenbrock", "booth", "quadratic"] as const;
export const optimizerNames = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"] as const;
export const searchNames = ["bestAngle", "gradientAscent", "levelSet"] as const;
export const objectiveNames = ["gradNormSq", "modelDecrease"] as const;
export const methodNames = ["plain", "teleported", "random", "rate", "lbfgs", "cg"] as const;

export type FunctionName = (typeof functionNames)[number];
export type OptimizerName = (typeof optimizerNames)[number];
export type SearchName = (typeof searchNames)[number];
export type ObjectiveName = (typeof objectiveNames)[number];
export type MethodName = (typeof methodNames)[number];

export interface LandscapeState {
  readonly f: FunctionName;
  /** Condition of the quadratic. */
  readonly cond: number;
  /** The start. */
  readonly x: readonly [number, number];
  readonly opt: OptimizerName;
  readonly lr: number;
  /** Steps. */
  readonly n: number;
  readonly tp: Teleports;
  readonly search: SearchName;
  readonly obj: ObjectiveName;
  /** What is compared. */
  readonly with: readonly MethodName[];
  /** Through which point the orbit goes: the start, or the last point that is shown of the teleported run. */
  readonly orbit: "start" | "here";
  /** What the charts show. */
  readonly y: "loss" | "grad";
  readonly logx: boolean;
  readonly logy: boolean;
}

/** Most steps of a run: every point of it is kept. */
export const mostSteps = 100_000;

export const landscapeFields: Fields<LandscapeState> = {
  f: choiceField(functionNames),
  cond: numberField({ min: 1, max: 1e6 }),
  x: pairField({ min: -1e3, max: 1e3 }),
  opt: choiceField(optimizerNames),
  lr: numberField({ min: 1e-12, max: 1e3 }),
  n: numberField({ min: 1, max: mostSteps, integer: true }),
  tp: teleportsField(mostSteps),
  search: choiceField(searchNames),
  obj: choiceField(objectiveNames),
  with: namesField(methodNames),
  orbit: choiceField(["start", "here"]),
  y: choiceField(["loss", "grad"]),
  logx: flagField,
  logy: flagField,
};

const shared = {
  cond: 10,
  opt: "gd",
  search: "bestAngle",
  obj: "gradNormSq",
  with: ["plain", "teleported"],
  orbit: "start",
  y: "loss",
  logx: false,
  logy: true,
} as const;

const hundreds = { kind: "at", steps: Array.from({ length: 10 }, (_, k) => 100 * k + 99) } as const;

/** The papers' settings of each function. */
const settings: Readonly<Record<FunctionName, Pick<LandscapeState, "x" | "lr" | "n" | "tp">>> = {
  rosenbrock: { x: [-1, -1], lr: 1e-3, n: 1000, tp: hundreds },
  booth: { x: [5, -5], lr: 0.08, n: 10, tp: { kind: "at", steps: [4] } },
  quadratic: { x: [3, 0.5], lr: 0.1, n: 40, tp: { kind: "at", steps: [2] } },
};

export const defaultState = (f: FunctionName): LandscapeState => ({ f, ...shared, ...settings[f] });

/** Range of the plane that is drawn. */
export const viewOf = (
  f: FunctionName,
): { readonly x: readonly [number, number]; readonly y: readonly [number, number] } =>
  f === "rosenbrock"
    ? { x: [-2, 2], y: [-1.5, 3] }
    : f === "booth"
      ? { x: [-8, 10], y: [-8, 12] }
      : { x: [-4, 4], y: [-4, 4] };

export const optimumOf = (f: FunctionName): readonly [number, number] =>
  f === "rosenbrock" ? [1, 1] : f === "booth" ? [1, 3] : [0, 0];

export const presets: Presets<LandscapeState> = {
  rosenbrock: {
    title: "Rosenbrock, a teleport every 100 steps",
    text: "Plain descent creeps along the valley. A teleport jumps to the steepest point of the same level, and ten of them reach the minimum to rounding.",
    state: defaultState("rosenbrock"),
  },
  booth: {
    title: "Booth, one teleport at step 4",
    text: "One jump along the ellipse of equal loss: afterwards descent goes straight to the minimum.",
    state: defaultState("booth"),
  },
  quadratic: {
    title: "Quadratic: one teleport suffices",
    text: "The best point of an ellipse is its steep end, and descent from there stays on the axis: no later teleport finds a larger gradient (proposition 5.3 of Zhao et al.).",
    state: { ...defaultState("quadratic"), tp: { kind: "every", steps: 5 } },
  },
  circle: {
    title: "Round quadratic: no teleport helps",
    text: "With equal curvature in all directions every point of a level has the same gradient: the guard finds nothing larger, and nothing moves.",
    state: { ...defaultState("quadratic"), cond: 1, x: [3, 2] },
  },
  rate: {
    title: "How much of it is a larger rate?",
    text: "The third run has no teleport, only the rate times the root of the teleport's gain. Where a rate was not tuned, a part of what a teleport brings can be had that way.",
    state: { ...defaultState("booth"), lr: 0.03, n: 40, with: ["plain", "teleported", "rate"] },
  },
  lbfgs: {
    title: "L-BFGS needs none",
    text: "Quasi-Newton steps with line searches, without a teleport and without a rate to tune.",
    state: { ...defaultState("rosenbrock"), with: ["plain", "teleported", "lbfgs"] },
  },
};

const firstPreset = "rosenbrock";

export function readLandscape(query: string): ReadState<LandscapeState> {
  const { state, rest, notices } = takePreset(presets, query);
  const f = functionNames.find((name) => name === new URLSearchParams(rest).get("f"));
  const base = state ?? (f === undefined ? presets[firstPreset].state : defaultState(f));
  const read = readState(landscapeFields, rest, base);
  return { state: read.state, notices: [...notices, ...read.notices] };
}

export function printLandscape(state: LandscapeState): string {
  const own = printState(landscapeFields, state, defaultState(state.f));
  return state.f === presets[firstPreset].state.f ? own : [`f=${state.f}`, own].filter(Boolean).join("&");
}
