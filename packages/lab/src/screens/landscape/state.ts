// The settings of the landscape screen, which are what its address holds.
import { objectiveNames, optimizerNames } from "../../app/choices.js";
import { inverseOf } from "../../formula/affine.js";
import { formulaField } from "../../formula/field.js";
import { printState, type ReadState, readState, type StateOf, settingsIn } from "../../url/codec.js";
import {
  choiceField,
  type Field,
  flagField,
  namesField,
  numberField,
  pairField,
  type Range,
} from "../../url/fields.js";
import { type Presets, takePreset } from "../../url/presets.js";
import { mostSteps, teleportsField } from "../../url/teleports.js";

export const functionNames = ["rosenbrock", "booth", "quadratic", "own"] as const;
export const searchNames = ["bestAngle", "gradientAscent", "levelSet"] as const;
export const methodNames = ["plain", "teleported", "hand", "random", "rate", "lbfgs", "cg"] as const;

export type FunctionName = (typeof functionNames)[number];
export type SearchName = (typeof searchNames)[number];
export type MethodName = (typeof methodNames)[number];

/** What says which function it is. */
export type FunctionSettings = Pick<LandscapeState, "f" | "cond" | "r1" | "r2">;

/** The function, and the part of the plane that is drawn. */
export type PlaneSettings = FunctionSettings & Pick<LandscapeState, "view">;

export const functionOf = ({ f, cond, r1, r2 }: FunctionSettings): FunctionSettings => ({ f, cond, r1, r2 });

/** Whether a group is known that keeps the function's levels. */
export const hasGroup = ({ f, r1, r2 }: Pick<LandscapeState, "f" | "r1" | "r2">): boolean =>
  f !== "own" || inverseOf(r1, r2) !== undefined;

/** Coordinates of points. */
export const coordinate = /* @__PURE__ */ numberField([-1e3, 1e3]);

// The worker reads no address: what is marked as pure is not part of it.
export const landscapeFields = /* @__PURE__ */ (() => ({
  f: choiceField(functionNames),
  /** Condition of the quadratic. */
  cond: numberField([1, 1e6]),
  /** Formulas of the own function, r1(x, y)^2 + r2(x, y)^2. */
  r1: formulaField,
  r2: formulaField,
  /** The plane of the own function goes from -view to view. */
  view: numberField([1e-2, 1e3]),
  /** The start. */
  x: pairField(coordinate),
  opt: choiceField(optimizerNames),
  lr: numberField([1e-12, 1e3]),
  /** Steps. */
  n: numberField([1, mostSteps], true),
  tp: teleportsField,
  search: choiceField(searchNames),
  obj: choiceField(objectiveNames),
  /** What is compared. */
  with: namesField(methodNames),
  /** Through which point the orbit goes: the start, or the last point that is shown of the teleported run. */
  orbit: choiceField(["start", "here"]),
  /** The point on the orbit: the steepest, or at an angle in degrees; without a group, at a length along the curve. */
  on: bestOr(numberField([-1e6, 1e6])),
  /** What the charts show. */
  y: choiceField(["loss", "grad"]),
  logx: flagField,
  logy: flagField,
}))();

export interface LandscapeState extends StateOf<typeof landscapeFields> {}

/** A number, or the word `best`. */
function bestOr(field: Field<number>): Field<number | "best"> {
  return {
    read: (text, name) => (text === "best" ? { value: text } : field.read(text, name)),
    print: String,
  };
}

const shared = {
  cond: 10,
  // Himmelblau's function, with four minima of value 0.
  r1: "x^2 + y - 11",
  r2: "x + y^2 - 7",
  view: 6,
  opt: "gd",
  obj: "gradNormSq",
  with: ["plain", "teleported"],
  orbit: "start",
  on: "best",
  y: "loss",
  logx: false,
  logy: true,
} as const;

const hundreds = { kind: "at", steps: Array.from({ length: 10 }, (_, k) => 100 * k + 99) } as const;

/** The papers' settings of each function. */
const settings: Readonly<Record<FunctionName, Pick<LandscapeState, "x" | "lr" | "n" | "tp">>> = {
  rosenbrock: { x: [-1, -1], lr: 1e-3, n: 1000, tp: hundreds },
  booth: { x: [5, -5], lr: 0.08, n: 10, tp: { kind: "at", steps: [4] } },
  quadratic: { x: [3, 0.5], lr: 0.05, n: 40, tp: { kind: "at", steps: [2] } },
  own: { x: [-1, 0], lr: 2e-3, n: 100, tp: { kind: "at", steps: [5] } },
};

export const defaultState = (f: FunctionName): LandscapeState => ({
  f,
  search: f === "own" ? "levelSet" : "bestAngle",
  ...shared,
  ...settings[f],
});

/** Range of the plane that is drawn. */
export function viewOf({ f, view }: Pick<LandscapeState, "f" | "view">): {
  readonly x: Range;
  readonly y: Range;
} {
  if (f === "rosenbrock") return { x: [-2, 2], y: [-1.5, 3] };
  if (f === "booth") return { x: [-8, 10], y: [-8, 12] };
  const side = f === "own" ? view : 4;
  return { x: [-side, side], y: [-side, side] };
}

/** The minimum, where it is known. */
export const optimumOf = (f: FunctionName): Range | undefined =>
  (({ rosenbrock: [1, 1], booth: [1, 3], quadratic: [0, 0], own: undefined }) as const)[f];

/** The page of results on functions. */
const page = /* @__PURE__ */ (() =>
  new URL("../../../../../docs/studies/rosenbrock.md", import.meta.url).href)();

export const presets: Presets<LandscapeState> = {
  rosenbrock: {
    title: "Rosenbrock, a teleport every 100 steps",
    page,
    text: "Plain descent creeps along the valley. A teleport jumps to the steepest point of the same level, and five of them reach the minimum to rounding: the later ones find nothing larger.",
    state: defaultState("rosenbrock"),
  },
  level: {
    title: "A level set",
    text: "All points of the dotted line have the same loss. Drag the diamond: the gradient changes.",
    state: { ...defaultState("booth"), tp: { kind: "off" }, with: ["plain"] },
  },
  booth: {
    title: "Booth, one teleport at step 4",
    page,
    text: "One jump along the ellipse of equal loss: ten steps end at 9.45e-4, where plain descent ends at 2.20.",
    state: defaultState("booth"),
  },
  quadratic: {
    title: "Quadratic: one teleport suffices",
    page,
    text: "The best point of an ellipse is its steep end, and descent from there stays on the axis: no later teleport finds a larger gradient (proposition 5.3 of Zhao et al.).",
    state: { ...defaultState("quadratic"), tp: { kind: "every", steps: 5 } },
  },
  circle: {
    title: "Round quadratic: no teleport helps",
    text: "With equal curvature in all directions every point of a level has the same gradient: the guard finds nothing larger, and nothing moves.",
    state: { ...defaultState("quadratic"), cond: 1, x: [3, 2] },
  },
  rate: {
    title: "What a jump costs",
    text: "A jump takes the time of many steps. The third run has none, only the rate times the root of its gain: where a rate was not tuned, that is a part of what a teleport brings.",
    state: { ...defaultState("booth"), lr: 0.03, n: 40, with: ["plain", "teleported", "rate"] },
  },
  lbfgs: {
    title: "L-BFGS needs none",
    page,
    text: "Quasi-Newton steps with line searches, without a teleport and without a rate to tune.",
    state: { ...defaultState("rosenbrock"), with: ["plain", "teleported", "lbfgs"] },
  },
  himmelblau: {
    title: "Himmelblau, or a function of your own",
    text: "Type the two formulas whose squares are added. Where no group is known, as for Himmelblau's function here, teleports walk along the level set itself.",
    state: defaultState("own"),
  },
};

const firstPreset = "rosenbrock";

export function readLandscape(query: string): ReadState<LandscapeState> {
  const { state, rest, notices } = takePreset(presets, query);
  const f = functionNames.find((name) => name === settingsIn(rest).get("f"));
  const base = state ?? (f === undefined ? presets[firstPreset].state : defaultState(f));
  const read = readState(landscapeFields, rest, base);
  const possible = withSearch(read.state);
  const told =
    possible === read.state
      ? []
      : [`search=${read.state.search} needs a group, and none is known: taken as levelSet.`];
  return { state: possible, notices: [...notices, ...read.notices, ...told] };
}

/** The settings with a search that there is for the function. */
export const withSearch = (state: LandscapeState): LandscapeState =>
  state.search === "levelSet" || hasGroup(state) ? state : { ...state, search: "levelSet" };

export function printLandscape(state: LandscapeState): string {
  const own = printState(landscapeFields, state, defaultState(state.f));
  return state.f === presets[firstPreset].state.f ? own : [`f=${state.f}`, own].filter(Boolean).join("&");
}
