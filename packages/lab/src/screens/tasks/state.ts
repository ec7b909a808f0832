// The settings of the tasks screen, which are what its address holds.
import { printState, type ReadState, readState, type StateOf } from "../../url/codec.js";
import { choiceField, type Field, namesField, numberField, pairField } from "../../url/fields.js";
import { type Presets, takePreset } from "../../url/presets.js";

export const methodNames = [
  "linearScalarization",
  "pcGrad",
  "mgda",
  "caGrad",
  "fairGrad",
  "nashMtl",
  "upGrad",
] as const;
/** How a method runs: alone, with COST, and the controls. */
export const variantNames = ["alone", "cost", "random", "same", "rate"] as const;

export type MethodName = (typeof methodNames)[number];
export type VariantName = (typeof variantNames)[number];

export const mostMethods = 4;
const most = namesField(methodNames);

/** Limits of addresses and fields. */
export const hard = {
  x: [-11, 11],
  every: [10, 100_000],
  weight: [0, 1e3],
  radius: [1e-3, 20],
  lr: [1e-6, 1],
  n: [1, 100_000],
} as const;

export const tasksFields = {
  /** Factor of the first loss. */
  scale: choiceField(["1", "0.1"]),
  /** The start. */
  x: pairField(numberField(hard.x)),
  /** Whether the runs from all five published starts are shown, too. */
  from: choiceField(["one", "five"]),
  methods: {
    ...most,
    read(text, name) {
      const read = most.read(text, name);
      if (read.value === undefined || read.value.length <= mostMethods) return read;
      const value = read.value.slice(0, mostMethods);
      return { value, notice: `${name}: at most ${mostMethods} at a time, so ${value.join(", ")}.` };
    },
  } satisfies Field<readonly MethodName[]>,
  with: namesField(variantNames),
  /** Least steps between two attempts of COST. */
  every: numberField(hard.every, true),
  /** Weight of the sharpness in COST's objective. */
  weight: numberField(hard.weight),
  /** Radius of the disc that a teleport stays in. */
  radius: numberField(hard.radius),
  lr: numberField(hard.lr),
  /** Most steps. */
  n: numberField(hard.n, true),
  /** Whose levels the plane shows. */
  shows: choiceField(["first", "second", "sum"]),
  /** What the charts show. */
  y: choiceField(["distance", "first", "second"]),
};

export interface TasksState extends StateOf<typeof tasksFields> {}

/** The settings of the experiment `toy`, from one of the two starts at which a sum of the losses stops on the ridge. */
export const defaultState: TasksState = {
  scale: "1",
  x: [-8.5, 7.5],
  from: "one",
  methods: ["linearScalarization"],
  with: ["alone", "cost", "random"],
  every: 1000,
  weight: 0.1,
  radius: 1,
  lr: 1e-3,
  n: 36_000,
  shows: "sum",
  y: "distance",
};

export const presets: Presets<TasksState> = {
  starts: {
    title: "The front of COST, from its five starts",
    page: new URL("../../../../../docs/studies/toy.md", import.meta.url).href,
    text: "Figure 6 of Zhou et al. (2025): a sum of the losses reaches the Pareto front from three of the five starts, with COST and with random jumps from all five. Rounding decides which jump leads off the ridge: a browser, whose log and exp are its own, may need more than the 36000 steps of the results, and has 50000.",
    state: { ...defaultState, from: "five", n: 50_000 },
  },
  ridge: {
    title: "Stopped on the ridge, and over it",
    text: "The sum of the losses, from (-8.5, 7.5): descent stops on a ridge where the two gradients oppose each other. COST jumps off it, and so do random jumps under the same guard.",
    state: defaultState,
  },
  tenth: {
    title: "The first loss a tenth",
    text: "From (9, 9), with the first loss ten times smaller as in Nash-MTL and FairGrad: a sum alone stops again, and both kinds of jumps lead off the ridge.",
    state: { ...defaultState, scale: "0.1", x: [9, 9] },
  },
  rate: {
    title: "Would a larger rate do?",
    text: "Adam at ten times the rate needs no teleport to come over the ridge: what the jumps bring here is that the steps were too small.",
    state: { ...defaultState, with: ["alone", "cost", "rate"] },
  },
  time: {
    title: "The time of the teleports, spent on steps",
    text: "COST's attempts take time. The third run takes ordinary steps for as long at its end, and stays on the ridge.",
    state: { ...defaultState, with: ["alone", "cost", "same"] },
  },
  methods: {
    title: "Four methods, no teleport",
    text: "From (-8.5, 7.5): a sum and CAGrad stop, FairGrad and Nash-MTL come to the front without a jump. Which method is right matters more than teleports.",
    state: {
      ...defaultState,
      methods: ["linearScalarization", "caGrad", "fairGrad", "nashMtl"],
      with: ["alone"],
    },
  },
  easy: {
    title: "An easy start",
    text: "From (9, -1) the gradients agree for most of the way, and all come to the front: there is nothing to gain.",
    state: { ...defaultState, x: [9, -1] },
  },
};

export function readTasks(query: string): ReadState<TasksState> {
  const { state = defaultState, rest, notices } = takePreset(presets, query);
  const read = readState(tasksFields, rest, state);
  return { state: read.state, notices: [...notices, ...read.notices] };
}

export const printTasks = (state: TasksState): string => printState(tasksFields, state, defaultState);

/** Range of the plane that is drawn. */
export const view = { x: [-11, 11], y: [-11, 11] } as const;

/** The five starts of the published figures. */
export const starts = [
  [-8.5, 7.5],
  [0, 0],
  [9, 9],
  [-7.5, -0.5],
  [9, -1],
] as const;

/** From one of the five starts a run is that of the experiment `toy`, whose seed is the number of the start. */
export const seedOf = ([a, b]: TasksState["x"]): number =>
  Math.max(
    0,
    starts.findIndex(([x, y]) => x === a && y === b),
  );

/** What the runs depend on, without which of them are compared. */
export const runsOf = ({ scale, x, every, weight, radius, lr, n }: TasksState): string =>
  JSON.stringify([scale, x, every, weight, radius, lr, n]);

/** Steps between the points of a run that are kept, and between looks whether it has come to the front. */
export const stepsBetween = (n: number): number => (n <= 500 ? 1 : n <= 5000 ? 10 : 100);

/** Distance to the Pareto front at which a run has come to it. */
export const near = 0.15;

/** Settings of COST as in the experiment `toy`, of which the screen changes three. */
export const costOptionsOf = ({ every, weight, radius }: Pick<TasksState, "every" | "weight" | "radius">) =>
  ({
    schedule: { every },
    adapter: { kind: "dense" },
    improve: { kind: "sharpness", weight, samples: 5, radius: 0.01 },
    inner: { learningRate: 0.1, steps: 50 },
    trust: { kind: "absolute", value: radius },
    guard: { kind: "absolute", judge: "mean", drift: 2 },
  }) as const;
