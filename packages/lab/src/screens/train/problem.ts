// The library's parts that the settings of the train screen name.
import { type BatchLoss, crossEntropy, mlp, torchGenerator, type When } from "isoloss";
import { circles, type Dataset, digits, divide, type LabeledImages, moons, spirals } from "isoloss/data";
import type { MlpParams } from "isoloss/nn";
import { createOptimizer } from "isoloss/optim";
import { type Symmetry, symmetriesOf } from "isoloss/symmetry";
import {
  atSteps,
  every,
  gradientAscent,
  gradNormSq,
  levelSet,
  modelDecrease,
  randomSearch,
  type SearchFactory,
} from "isoloss/teleport";
import type { FoundMove } from "./run.js";
import type { MoveName, TrainState } from "./state.js";

export interface TrainData {
  readonly train: Dataset;
  readonly heldOut: Dataset;
  readonly classes: number;
  readonly inputs: number;
}

/** A state, with the user's own points where it asks for them. */
export interface TrainTask {
  readonly state: TrainState;
  readonly own?: string | undefined;
}

function pointsOf({ state: { data, noise }, own }: TrainTask): LabeledPoints {
  if (data === "digits") return digits();
  if (data === "own") {
    if (own === undefined) throw new Error("Points of your own are in no link: choose a file.");
    return readPoints(own);
  }
  return { moons, circles, spirals }[data]({ noise });
}

/** Four fifths for training, one held out. */
export function dataOf(task: TrainTask): TrainData {
  const points = pointsOf(task);
  const { train, validation } = divide(points);
  return {
    train,
    heldOut: validation as Dataset,
    classes: points.classes,
    inputs: points.images.shape[1],
  };
}

/** Slope of leakyRelu, as in the papers' networks. */
const slope = 0.1;

export const modelOf = ({ net, act }: TrainState, { inputs, classes }: TrainData) =>
  mlp({ sizes: [inputs, ...net, classes], activation: act, slope });

export const optimizerOf = ({ opt }: TrainState) => createOptimizer(opt);
export const objectiveOf = ({ obj }: TrainState) => (obj === "gradNormSq" ? gradNormSq : modelDecrease);

/** Batches are no larger than the data. */
export const batchSizeOf = ({ batch }: TrainState, { train }: TrainData): number =>
  Math.min(batch, train.inputs.shape[0]);

/** Teleports as planned, and before steps that are added while the run goes on. */
export function scheduleOf({ tp }: TrainState, added: ReadonlySet<number>): When<null> {
  const planned = tp.kind === "off" ? undefined : tp.kind === "every" ? every(tp.steps) : atSteps(tp.steps);
  return {
    name: planned?.name ?? "when asked",
    init: () => null,
    should: (now, state) => ({
      teleport: added.has(now.step) || (planned?.should(now, null).teleport ?? false),
      state,
    }),
    nextStep(now) {
      const next = planned?.nextStep?.(now, null) ?? Infinity;
      return Math.min(next, ...[...added].filter((step) => step > now.step));
    },
  };
}

/** What the network's symmetries are found in. */
function subjectOf(state: TrainState, data: TrainData) {
  const model = modelOf(state, data);
  const { params } = model.init(torchGenerator(state.seed), { dtype: "float32" });
  const loss: BatchLoss<MlpParams> = (p, { x, y }) => crossEntropy(model.apply(p, x).output, y);
  const { inputs, labels } = data.train;
  const size = batchSizeOf(state, data);
  const batch = {
    x: { shape: [size, data.inputs], data: inputs.data.slice(0, size * data.inputs) },
    y: { shape: [size], data: labels.data.slice(0, size) },
  };
  return symmetriesOf(loss, params, batch);
}

const words: Readonly<Record<Exclude<MoveName, "levelSet">, readonly [string, string]>> = {
  scaling: ["scalings", "each unit's incoming weights by a, its outgoing ones by 1 / a"],
  linear: ["linear maps", "invertible maps of spaces that only linear layers touch"],
  orthogonal: ["rotations", "of spaces that are read by their length"],
  shifts: ["shifts", "of biases that other biases undo, or that nothing sees"],
  hidden: ["through the activation (eq. 8)", "the outputs of a layer on the batch stay"],
};

/** The moves that the library finds in this network. */
export function movesOf(state: TrainState, data: TrainData): readonly FoundMove[] {
  const found = subjectOf(state, data);
  const groups = (Object.keys(words) as (keyof typeof words)[]).flatMap((name): FoundMove[] =>
    found[name] === undefined
      ? []
      : [{ name, title: words[name][0], text: words[name][1], isExact: name !== "hidden" }],
  );
  const level: FoundMove = {
    name: "levelSet",
    title: "along the level set",
    text: "no group: steps along the loss's level, back onto it after each",
    isExact: false,
  };
  return [...groups, level];
}

/** The search of the teleported run, or one random move under the same guard; undefined where there is no such group. */
export function searchOf(
  state: TrainState,
  data: TrainData,
  isRandom: boolean,
): SearchFactory<MlpParams> | undefined {
  if (state.sym === "levelSet") return isRandom ? undefined : levelSet();
  const symmetry = subjectOf(state, data)[state.sym] as Symmetry<MlpParams> | undefined;
  if (symmetry === undefined) return undefined;
  return isRandom ? randomSearch(symmetry, { samples: 1, seed: state.seed }) : gradientAscent(symmetry);
}

// Points of a user's own: two numbers and a label a line.

const mostLines = 5000;
const mostClasses = 7;

type LabeledPoints = LabeledImages & { readonly classes: number };

/**
 * Reads lines such as `0.5,-1.2,red`; a first line without numbers is a heading. Coordinates are scaled to mean 0 and
 * standard deviation 1.
 *
 * @throws Error with line and column where a line is not of that form
 */
export function readPoints(text: string): LabeledPoints {
  const lines = text
    .split(/\r?\n/)
    .map((line, k) => ({ line: k + 1, cells: line.split(/[,;\t]/).map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const isNumber = (cell: string | undefined) =>
    cell !== undefined && cell !== "" && Number.isFinite(Number(cell));
  if (lines[0]?.cells.slice(0, 2).every((cell) => !isNumber(cell))) lines.shift();
  if (lines.length > mostLines)
    throw new Error(`The file has ${lines.length} points; at most ${mostLines} are taken.`);
  const names: string[] = [];
  const xy = new Float64Array(2 * lines.length);
  const labels = new BigInt64Array(lines.length);
  lines.forEach(({ line, cells }, k) => {
    if (cells.length !== 3) {
      throw new Error(`Line ${line} has ${cells.length} columns; expected three: two numbers and a label.`);
    }
    for (const axis of [0, 1]) {
      if (!isNumber(cells[axis])) {
        throw new Error(
          `Line ${line}, column ${axis + 1}: "${cells[axis].slice(0, 40)}" is no finite number.`,
        );
      }
      xy[2 * k + axis] = Number(cells[axis]);
    }
    if (!names.includes(cells[2])) names.push(cells[2]);
    labels[k] = BigInt(names.indexOf(cells[2]));
  });
  if (names.length < 2) {
    throw new Error(
      `The points have ${names.length === 0 ? "no label" : "one label only"}; at least two are needed.`,
    );
  }
  if (names.length > mostClasses) {
    throw new Error(`The points have ${names.length} different labels; at most ${mostClasses} are taken.`);
  }
  if (lines.length < 10) throw new Error(`The file has ${lines.length} points; at least 10 are needed.`);
  for (const axis of [0, 1]) standardize(xy, axis);
  return {
    // Scaled before they are rounded: what is far from 0, such as times, would have lost its digits.
    images: { shape: [lines.length, 2], data: Float32Array.from(xy) },
    labels: { shape: [lines.length], data: labels },
    classes: names.length,
  };
}

function standardize(xy: Float64Array, axis: number): void {
  const n = xy.length / 2;
  const values = Array.from({ length: n }, (_, k) => xy[2 * k + axis]);
  const mean = values.reduce((a, b) => a + b, 0) / n;
  // Numbers that are all alike differ from their mean by rounding alone.
  const isConstant = values.every((v) => v === values[0]);
  const deviation = isConstant ? 1 : Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  values.forEach((value, k) => {
    xy[2 * k + axis] = (value - mean) / deviation;
  });
}
