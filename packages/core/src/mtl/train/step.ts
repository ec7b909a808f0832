import { concatenated, type NdArray, sizeOf } from "../../array.js";
import type { Batch } from "../../batch.js";
import { NumericalError, OptionError, ShapeError } from "../../errors.js";
import { createRng, type Rng } from "../../math/rng.js";
import type { Optimizer } from "../../optim/optimizer.js";
import { restartState } from "../../optim/restart-state.js";
import { stepSeed } from "../../train/batch-order.js";
import type { Run } from "../../train/run.js";
import { namedArrays } from "../../tree.js";
import { conflictOf } from "../conflict.js";
import type { ParameterSplit } from "../gradients/parameter-split.js";
import type { Measured, Passed, PassOptions, TaskGradients } from "../gradients/task-gradients.js";
import type { TaskUpdates, UpdateInput } from "../gradients/task-updates.js";
import type { UpdateKind } from "../gradients/update-graph.js";
import { blockGramian } from "../kernels/jacobian-rows.js";
import type { Combination, MultiTaskMethod, TaskInput } from "../method.js";
import { type MultiTaskHistory, recordStep, type StepEvent, type StepRecord } from "./history.js";
import type { Sources } from "./sources.js";
import type { BeforeStep, RunSetup, StepChange, StepContext } from "./step-hook.js";
import type { MultiTaskState } from "./train-state.js";

/** Advice for a run that leaves the finite numbers before a step is done. */
const advice = (step: number): string =>
  `The state is still that of step ${step}. Lower the learning rate, clip the gradient with clipNorm, or check the data.`;

/** @throws NumericalError unless the losses of a step are finite */
function requireFinite(
  losses: Float64Array,
  tasks: readonly string[],
  { step, rate }: { readonly step: number; readonly rate: number },
): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) {
    throw new NumericalError(
      `The loss of task "${tasks[bad]}" became ${losses[bad]} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
    );
  }
}

/** Where the shared parameters are in a gradient, which also has those of the heads for methods that span them. */
function sharedRanges(
  { shared, paths, shapes }: ParameterSplit,
  wanted: readonly string[],
): readonly { readonly from: number; readonly to: number }[] {
  let to = 0;
  const ranges = shared.map((leaf) => {
    const from = to;
    to += sizeOf(shapes[leaf]);
    return { from, to, isWanted: wanted.includes(paths[leaf]) };
  });
  return ranges.filter(({ isWanted }) => isWanted);
}

/** The part of a direction that is in the shared parameters: all of it, but for methods that span the heads. */
function sharedPart(direction: Float64Array, split: ParameterSplit, wanted: readonly string[]): Float64Array {
  if (split.shared.length === wanted.length) return direction;
  return concatenated(sharedRanges(split, wanted).map(({ from, to }) => direction.subarray(from, to)));
}

/** The Gramian in the shared parameters, from kept rows for methods that span the heads; or in the representation. */
function sharedGramian<P>(
  { gramian, jacobian }: Measured,
  { representation, headAlignment, split }: TaskGradients<P>["parts"],
  wanted: readonly string[],
): NdArray<Float64Array> {
  const isWhole = split.shared.length === wanted.length || (representation && !headAlignment);
  if (!jacobian || isWhole) return gramian;
  const rows = { ...jacobian, data: jacobian.data as Float64Array };
  const data = new Float64Array(gramian.data.length);
  for (const range of sharedRanges(split, wanted)) {
    blockGramian(rows, range).data.forEach((x, i) => {
      data[i] += x;
    });
  }
  return { shape: gramian.shape, data };
}

/** What all steps of a run share. */
export interface StepParts<P> {
  readonly setup: RunSetup<P>;
  readonly sources: Sources;
  readonly gradients: TaskGradients<P>;
  readonly updates: TaskUpdates<P>;
  readonly method: MultiTaskMethod;
  readonly optimizer: Optimizer;
  readonly beforeStep?: BeforeStep<P> | undefined;
  /** Whether gradients are measured at every step; otherwise only losses are. */
  readonly measures: boolean;
  /** Whether the rows of J are kept for the update; otherwise the weighted loss is differentiated again. */
  readonly keeps: boolean;
  /** Weights of the heads' gradients: set by the method or by the user. */
  readonly headGradient?: "weighted" | "unweighted" | undefined;
  readonly seed: number;
}

/** A step's result, with what it adds to the history. */
export interface Stepped<P> {
  readonly next: MultiTaskState<P>;
  readonly record: StepRecord;
  /** Left out unless the hook reported something. */
  readonly event?: StepEvent | undefined;
}

/** The steps of a run: functions of the state before them. The order of things in a step is in step-hook.ts. */
export function multiTaskStep<P>(parts: StepParts<P>) {
  const { setup, sources, gradients, updates, method, optimizer, beforeStep } = parts;
  const { stepsPerEpoch } = sources;
  const methodRng = createRng(parts.seed).fork("method");

  const contextOf = (
    { step, params, state, optimizer: optimizerState, memory, method: methodState }: MultiTaskState<P>,
    point: StepPoint<P>,
    given: Pick<StepContext<P>, "epoch" | "learningRate" | "learningRateAt" | "batch" | "history">,
  ): StepContext<P> => {
    let shared: Promise<NdArray<Float64Array>> | undefined;
    const gramian = () => {
      shared ??= point.measured().then((m) => sharedGramian(m, gradients.parts, setup.sharedPaths));
      return shared;
    };
    return {
      setup,
      stepsPerEpoch,
      step,
      params,
      state,
      memory,
      ...given,
      optimizer: optimizerState,
      losses: async () => (await point.passed()).losses,
      gramian,
      conflict: async () => conflictOf(await gramian()),
      async direction() {
        const { kind, update } = await point.combined(methodState, given.learningRate);
        return sharedPart(await updates.direction(kind, update), gradients.parts.split, setup.sharedPaths);
      },
      sample: (count, label = 0) => sources.sample(count, step, label),
      batches: (label = 0) => sources.batches(step, label),
      async unload() {
        await gradients.unload();
        await updates.unload();
      },
    };
  };

  return async (
    current: MultiTaskState<P>,
    { rateOf, history }: { readonly rateOf: (step: number) => number; readonly history: MultiTaskHistory },
  ): Promise<Stepped<P>> => {
    const begin = performance.now();
    const { step } = current;
    const batches: Batch[] = [];
    for (let i = 0; i < (method.samplesPerStep ?? 1); i++) {
      batches.push(await sources.batchOf(step, i, current.seen));
    }
    const [batch] = batches;
    const seen = sources.seenAfter(step);
    const epoch = Math.floor(step / stepsPerEpoch);
    const pass = { seed: stepSeed(parts.seed, step), state: current.state };
    const place = { step, epoch, pass, batches, rng: methodRng };
    let point = stepPoint(parts, current.params, place);
    const given = { epoch, learningRate: rateOf(step), learningRateAt: rateOf, batch, history };
    const beforeHook = performance.now();
    const change: StepChange<P> = (await beforeStep?.(contextOf(current, point, given))) ?? {};
    // Throws unless these are a tree of arrays: below they are read by known names, unchecked.
    if (change.params !== undefined) namedArrays({ params: change.params });
    const hookSeconds = (performance.now() - beforeHook) / 1000;
    const { learningRate: rate = given.learningRate, skip = false } = change;
    if (change.params !== undefined && !skip) point = stepPoint(parts, change.params, place);
    const { losses, gramian, state } = await point.passed();
    requireFinite(losses, gradients.tasks, { step, rate });
    const combined = skip ? undefined : await point.combined(current.method, rate);
    const stateBefore = change.optimizer ?? current.optimizer;
    const optimizerState = change.params ? restartState(optimizer, stateBefore, change.params) : stateBefore;
    const updated = combined
      ? await updates.apply(combined.kind, combined.update, {
          optimizer: optimizerState,
          learningRate: rate,
          reuse: change.reuse,
        })
      : { params: change.params ?? current.params, optimizer: optimizerState, norm: 0 };
    if (!Number.isFinite(updated.norm)) {
      throw new NumericalError(
        `The shared gradient became ${updated.norm} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
      );
    }
    let methodState = combined ? combined.combination.state : current.method;
    if (method.afterStep && combined) {
      const { losses: after } = await gradients.forward(updated.params, batch, pass);
      methodState = method.afterStep(after, combined.input, methodState);
    }
    const epochLosses = current.epochLosses.map((sum, k) => sum + losses[k]);
    const endsEpoch = (step + 1) % stepsPerEpoch === 0;
    if (endsEpoch && method.endEpoch) {
      methodState = method.endEpoch(
        epochLosses.map((sum) => sum / stepsPerEpoch),
        methodState,
      );
    }
    return {
      next: {
        ...current,
        step: step + 1,
        params: updated.params,
        state,
        optimizer: updated.optimizer,
        method: methodState,
        epochLosses: endsEpoch ? epochLosses.fill(0) : epochLosses,
        ...(change.memory === undefined ? {} : { memory: change.memory }),
        ...(seen === undefined ? {} : { seen }),
      },
      record: {
        losses,
        weights: combined?.combination.weights,
        gramian,
        directionNorm: updated.norm,
        seconds: (performance.now() - begin) / 1000,
        note: combined?.combination.note,
      },
      ...(change.event === undefined ? {} : { event: { step, seconds: hookSeconds, event: change.event } }),
    };
  };
}

/** Performs steps one by one; a step that fails changes nothing. */
export async function advanceTasks<P>(
  run: Pick<Run<MultiTaskState<P>, MultiTaskHistory>, "current" | "history">,
  step: ReturnType<typeof multiTaskStep<P>>,
  { most, rateOf }: { readonly most: number; rateOf(step: number): number },
): Promise<{ readonly losses: Float64Array }> {
  const sums = new Float64Array(run.current.epochLosses.length);
  for (let i = 0; i < most; i++) {
    const { current, history } = run;
    const { next, record, event } = await step(current, { rateOf, history });
    // First, as it throws for gradients whose products are not finite.
    recordStep(history, record);
    if (event) history.events.push(event);
    run.current = next;
    for (const [k, loss] of record.losses.entries()) sums[k] += loss;
  }
  return { losses: sums.map((sum) => sum / most) };
}

/** What a step reads besides parameters. */
interface StepPlace {
  readonly step: number;
  readonly epoch: number;
  /** Seed of the step's dropout, and the model's state before the step. */
  readonly pass: PassOptions & { readonly seed: bigint };
  /** The step's batch, and those of additional samples. */
  readonly batches: readonly Batch[];
  /** Of the method, for each step to fork. */
  readonly rng: Rng;
}

type StepPoint<P> = ReturnType<typeof stepPoint<P>>;

/** Parameters on the batch of a step; values are computed once, on request. */
function stepPoint<P>(parts: StepParts<P>, params: P, { step, epoch, pass, batches, rng }: StepPlace) {
  const { gradients, method, measures } = parts;
  let first: Promise<Measured> | undefined;
  let all: Promise<readonly Measured[]> | undefined;
  let alone: Promise<Passed> | undefined;
  /** The first sample's losses and gradients. */
  const measured = () => {
    first ??= gradients.measure(params, batches[0], pass);
    return first;
  };
  const measureAll = async (): Promise<readonly Measured[]> => {
    const found = [await measured()];
    for (const batch of batches.slice(1)) found.push(await gradients.measure(params, batch, pass));
    return found;
  };
  /** The first sample's losses and the model's state for the next step, and gradients in a run that measures them at every step. */
  const passed = (): Promise<Passed & Partial<Measured>> => {
    if (measures) return measured();
    alone ??= gradients.forward(params, batches[0], pass);
    return alone;
  };
  const virtual = async (weights: Float64Array, learningRate: number): Promise<Partial<TaskInput>> => {
    const given = { weights, learningRate, ...pass };
    const steps = method.virtualSteps;
    if (steps !== undefined) {
      return { descended: await gradients.descended(params, batches[0], { ...given, steps }) };
    }
    const [batch, other] = batches.slice(-2);
    return { ahead: await gradients.ahead(params, { batch, other }, given) };
  };
  const combine = async (state: unknown, learningRate: number) => {
    if (measures) all ??= measureAll();
    const found = (await all) ?? [];
    const { losses } = await passed();
    const weights = method.virtualWeights?.(state);
    const input: TaskInput = {
      losses,
      ...(found[0] && { gramian: found[0].gramian }),
      ...(method.needs === "jacobian" ? jacobians(found) : {}),
      ...(weights && (await virtual(weights, method.virtualRate ?? learningRate))),
      step,
      epoch,
      rng: rng.fork(step),
    };
    const combination = method.combine(input, state);
    const update = updateOf(parts, combination, found, { params, batch: batches[0], ...pass });
    return { input, combination, ...update };
  };
  let last: { readonly learningRate: number; readonly made: ReturnType<typeof combine> } | undefined;
  return {
    passed,
    measured,
    /** The method's weights or direction, computed from its state before the step, and the inputs of the update. */
    combined(state: unknown, learningRate: number) {
      if (last?.learningRate !== learningRate) last = { learningRate, made: combine(state, learningRate) };
      return last.made;
    },
  };
}

function jacobians(found: readonly Measured[]): Partial<TaskInput> {
  const samples = found.map(({ jacobian }) => {
    const { shape, data } = jacobian as NdArray;
    return { shape, data: Float64Array.from(data as Float64Array) };
  });
  return { jacobian: samples[0], ...(samples.length > 1 ? { samples } : {}) };
}

function updateOf<P>(
  { method, headGradient, keeps, setup: { tasks, representation } }: StepParts<P>,
  { weights, direction, headWeights: own }: Combination<unknown>,
  found: readonly Measured[],
  place: Pick<UpdateInput<P>, "params" | "batch" | "seed" | "state">,
): { readonly kind: UpdateKind; readonly update: UpdateInput<P> } {
  const ones = () => new Float64Array(tasks.length).fill(1);
  if (headGradient === "weighted" && !weights && !own) {
    throw new OptionError(
      `headGradient: "weighted" needs a method that gives weights of the tasks; ${method.name} gives a direction only. Leave it out.`,
    );
  }
  const policy = headGradient ?? method.headGradient;
  const implied = policy === "weighted" ? weights : undefined;
  const headWeights = (headGradient === "unweighted" ? undefined : (own ?? implied)) ?? ones();
  const common = { ...place, headWeights };
  if (direction) {
    return representation
      ? { kind: "pulled", update: { ...common, direction } }
      : { kind: "given", update: { ...common, direction, heads: meanHeads(found) } };
  }
  if (!weights) {
    throw new ShapeError(
      `The method "${method.name}" must return weights or a direction; it returned neither.`,
    );
  }
  const { jacobian, heads } = found[0] ?? {};
  return keeps && jacobian && heads && !representation
    ? { kind: "combined", update: { ...common, weights, jacobian, heads } }
    : { kind: "weighted", update: { ...common, weights } };
}

/** The heads' gradients, their mean over the samples of a step. */
function meanHeads(found: readonly Measured[]): readonly NdArray[] {
  const [first, ...others] = found.map(({ heads }) => heads ?? []);
  if (others.length === 0) return first;
  return first.map(({ shape, data }, i) => {
    const sum = Float64Array.from(data as Float64Array);
    for (const heads of others) {
      for (let p = 0; p < sum.length; p++) sum[p] += Number(heads[i].data[p]);
    }
    return { shape, data: sum.map((x) => x / found.length) };
  });
}
