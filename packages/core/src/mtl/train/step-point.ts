import type { NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { OptionError, ShapeError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import type { Measured, Passed, TaskGradients } from "../gradients/task-gradients.js";
import type { UpdateInput } from "../gradients/task-updates.js";
import type { UpdateKind } from "../gradients/update-graph.js";
import type { Combination, MultiTaskMethod, TaskInput } from "../method.js";

/** How a run computes an update from losses. */
export interface StepPlan<P> {
  readonly gradients: TaskGradients<P>;
  readonly method: MultiTaskMethod;
  /** Whether gradients are measured at every step; otherwise only losses are. */
  readonly measures: boolean;
  /** Whether the rows of J are kept for the update; otherwise the weighted loss is differentiated again. */
  readonly keeps: boolean;
  /** Weights of the heads' gradients: set by the method or by the user. */
  readonly headGradient?: "weighted" | "unweighted" | undefined;
  readonly hasRepresentation: boolean;
  readonly seed: number;
}

/** The inputs of a step. */
export interface StepPlace {
  readonly step: number;
  readonly epoch: number;
  /** The model's state before the step. */
  readonly state: unknown;
  /** Seed of the step's dropout. */
  readonly dropout: bigint;
  /** The step's batch, and those of additional samples. */
  readonly batches: readonly Batch[];
}

/** A method's result at a point, and the inputs of the update. */
export interface Combined<P> {
  readonly input: TaskInput;
  readonly combination: Combination<unknown>;
  readonly kind: UpdateKind;
  readonly update: UpdateInput<P>;
}

/** Parameters on the batch of a step; values are computed once, on request. */
export interface StepPoint<P> {
  /** The first sample's losses and the model's state for the next step, and gradients in a run that measures them at every step. */
  passed(): Promise<Passed & Partial<Measured>>;
  /** The first sample's losses and gradients. */
  measured(): Promise<Measured>;
  /** The method's weights or direction, computed from its state before the step. */
  combined(state: unknown, learningRate: number): Promise<Combined<P>>;
}

export function stepPoint<P>(plan: StepPlan<P>, params: P, place: StepPlace): StepPoint<P> {
  const { gradients, method, measures } = plan;
  const { batches } = place;
  const pass = { seed: place.dropout, state: place.state };
  let first: Promise<Measured> | undefined;
  let all: Promise<readonly Measured[]> | undefined;
  let alone: Promise<Passed> | undefined;
  const measured = () => {
    first ??= gradients.measure(params, batches[0], pass);
    return first;
  };
  const measureAll = async (): Promise<readonly Measured[]> => {
    const found = [await measured()];
    for (const batch of batches.slice(1)) found.push(await gradients.measure(params, batch, pass));
    return found;
  };
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
  return {
    passed,
    measured,
    async combined(state, learningRate) {
      const { step, epoch } = place;
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
        rng: createRng(plan.seed).fork("method").fork(step),
      };
      const combination = method.combine(input, state);
      return {
        input,
        combination,
        ...updateOf(plan, combination, found, { params, batch: batches[0], ...pass }),
      };
    },
  };
}

function jacobians(found: readonly Measured[]): Partial<TaskInput> {
  const samples = found.map(({ jacobian }) => ({
    shape: jacobian?.shape ?? [],
    data: Float64Array.from((jacobian?.data ?? []) as Float64Array),
  }));
  return { jacobian: samples[0], ...(samples.length > 1 ? { samples } : {}) };
}

function updateOf<P>(
  { method, headGradient, keeps, hasRepresentation, gradients: { tasks } }: StepPlan<P>,
  { weights, direction, headWeights: own }: Combination<unknown>,
  found: readonly Measured[],
  place: Pick<UpdateInput<P>, "params" | "batch" | "seed" | "state">,
): { readonly kind: UpdateKind; readonly update: UpdateInput<P> } {
  const ones = new Float64Array(tasks.length).fill(1);
  if (headGradient === "weighted" && !weights && !own) {
    throw new OptionError(
      `headGradient: "weighted" needs a method that gives weights of the tasks; ${method.name} gives a direction only. Leave it out.`,
    );
  }
  const policy = headGradient ?? method.headGradient;
  const implied = policy === "weighted" ? (weights ?? ones) : ones;
  const headWeights = headGradient === "unweighted" ? ones : (own ?? implied);
  const common = { ...place, headWeights };
  if (direction) {
    return hasRepresentation
      ? { kind: "pulled", update: { ...common, direction } }
      : { kind: "given", update: { ...common, direction, heads: meanHeads(found) } };
  }
  if (!weights) {
    throw new ShapeError(
      `The method "${method.name}" must return weights or a direction; it returned neither.`,
    );
  }
  const { jacobian, heads } = found[0] ?? {};
  return keeps && jacobian && heads && !hasRepresentation
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
