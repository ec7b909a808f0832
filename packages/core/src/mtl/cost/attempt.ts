import type { Batch } from "../../batch.js";
import { transportState } from "../../teleport/state/transport.js";
import { isTriggered } from "../conflict.js";
import type { MultiTaskHistory } from "../train/history.js";
import type { StepChange, StepContext } from "../train/step-hook.js";
import type { Batches } from "./adapter/inner-loop.js";
import { type Drift, type DriftGuard, judged, meanOf } from "./drift-guard.js";
import { displacementsOf, type Landing, land, rejected } from "./landing.js";
import type { CostMachine } from "./machine.js";
import type { TaskPoint } from "./meters.js";
import type { Proposal } from "./move.js";
import type { InnerOptions, PreserveOptions } from "./presets.js";
import { type CostReport, quantitiesOf } from "./report.js";
import type { ResolvedCost } from "./settings.js";
import { type Parts, partsOf } from "./shared-losses.js";

/** Attempts one teleport: proposes a move, judges it, and returns what the step has to change. */
export async function attemptTeleport<P, S>(
  settings: ResolvedCost<S>,
  machine: CostMachine,
  context: StepContext<P>,
  balance: Float64Array,
): Promise<StepChange<P>> {
  const begin = performance.now();
  const { trigger } = settings;
  const { params, batch, step, epoch } = context;
  const here = partsOf(params, context.state);
  const before = await machine.conflict.at(here, batch);
  const { proposal, landing } = await proposed(settings, machine, context, { here, before, balance });
  const { told, to } = landing;
  const after = to && (await machine.conflict.at({ ...here, shared: to.shared }, batch));
  const { change, sigma, note } = to
    ? await transported(settings, context, { ...params, shared: to.shared }, to.moved)
    : { change: {} };
  const seconds = (performance.now() - begin) / 1000;
  const ordinary = secondsPerStep(context.history);
  const [first, last] = [before, after].map((point) => point && quantitiesOf(point));
  const report: CostReport = {
    step,
    epoch,
    trigger,
    move: proposal?.name ?? "none",
    ...told,
    displacements: to ? displacementsOf(here.shared, to.shared) : {},
    ...(told.drift && judgedBy(settings.guard, told.drift)),
    ...(first ? { before: first } : {}),
    ...(last ? { after: last } : {}),
    ...(after?.conflict
      ? { stillTriggered: isTriggered(after.conflict, trigger), stillDominated: after.conflict.dominated }
      : {}),
    ...(proposal?.first && proposal.last ? { inner: { first: proposal.first, last: proposal.last } } : {}),
    ...(sigma === undefined ? {} : { sigma }),
    ...(note === undefined ? {} : { note }),
    seconds,
    ...(ordinary === undefined ? {} : { ordinarySteps: seconds / ordinary }),
  };
  return { ...change, event: report };
}

/** Proposes a point and asks the guard about it. */
async function proposed<P, S>(
  { preserve, inner, guard, seed, negligible, trigger }: ResolvedCost<S>,
  { losses, mover }: CostMachine,
  context: StepContext<P>,
  {
    here,
    before,
    balance,
  }: { readonly here: Parts; readonly before: TaskPoint; readonly balance: Float64Array },
): Promise<{ readonly proposal?: Proposal | undefined; readonly landing: Landing }> {
  const { batch, step } = context;
  const anchors = await anchorsOf(context, preserve.batches);
  const each = await losses.each(here, anchors);
  const batches = await guardBatches(context, guard === false ? 0 : guard.samples);
  const lossesBefore = meanOf(await losses.each(here, batches));
  const isUsable = [...each, lossesBefore].every((values) => values.every(Number.isFinite));
  if (before.conflict === undefined || !isUsable) {
    return { landing: { told: rejected("a loss or gradient is not finite at the start") } };
  }
  const proposal = await mover.propose({
    parts: here,
    conflicting: batch,
    anchors,
    frozen: preserve.reference === "mean" ? [meanOf(each)] : each,
    balance,
    learningRate: innerRate(inner, context),
    steps: stepsOf(inner.steps, each.length),
    // Far from the seeds of neighboring steps, and a small integer in every runtime.
    seed: (seed + step * 1009) % 2 ** 29,
  });
  const landing = await land(proposal, here, {
    losses,
    guard,
    batches,
    lossesBefore,
    negligible,
    isTriggered: isTriggered(before.conflict, trigger),
  });
  return { proposal, landing };
}

/** The resulting changes of parameters and optimizer. */
async function transported<P, S>(
  { state: { policy, sign, effective }, after, optimizer }: ResolvedCost<S>,
  context: StepContext<P>,
  params: P,
  move: Float64Array,
): Promise<{
  readonly change: StepChange<P>;
  readonly sigma?: number | undefined;
  readonly note?: string | undefined;
}> {
  const { state, ...told } = await transportState<P>(
    { policy, sign, ...(optimizer ? { optimizer } : {}) },
    {
      state: context.optimizer,
      params,
      way: async () => ({ move, gradient: await context.direction() }),
    },
  );
  const { sigma } = told;
  if (after === "skip" && sigma !== undefined && sigma <= 0 && optimizer) {
    const learningRate = context.learningRateAt(0);
    const note = `sigma <= 0: the optimizer begins again, at the learning rate ${learningRate} from now on`;
    return { change: { params, skip: true, optimizer: optimizer.init(params), learningRate }, sigma, note };
  }
  const change = {
    params,
    ...(after === "skip" ? { skip: true } : {}),
    ...(state === context.optimizer ? {} : { optimizer: state }),
    ...(effective && sigma !== undefined ? { reuse: sigma } : {}),
  };
  return { change, ...told };
}

function innerRate<P>({ learningRate }: InnerOptions, context: StepContext<P>): number {
  if (typeof learningRate === "number") return learningRate;
  return learningRate === "initial" ? context.learningRateAt(0) : context.learningRate;
}

/** Nothing is judged without a guard, or if losses are not finite. */
const judgedBy = (guard: DriftGuard | false, drift: Drift): Pick<CostReport, "judged"> =>
  guard !== false && drift.lossesAfter.every(Number.isFinite) ? { judged: judged(drift, guard) } : {};

const stepsOf = (steps: InnerOptions["steps"], batches: number): number =>
  typeof steps === "number" ? steps : steps.passes * batches;

/** Median duration of the last steps: that of steps without teleports if teleports are few. */
function secondsPerStep({ seconds }: MultiTaskHistory): number | undefined {
  const last = seconds.slice(-32);
  const spent = last.slice(1).map((t, i) => t - last[i]);
  if (spent.length === 0) return undefined;
  const median = spent.sort((a, b) => a - b)[Math.floor(spent.length / 2)];
  return median > 0 ? median : undefined;
}

type Source = Pick<StepContext<unknown>, "batch" | "batches" | "sample" | "stepsPerEpoch">;

/** Number of examples in a batch; 0 for a function without data. */
function examplesIn(batch: Batch): number {
  return Object.values(batch).reduce((most, { shape }) => Math.max(most, shape[0] ?? 0), 0);
}

/**
 * Batches on which losses are frozen: the step's own and additional ones; or those of a whole epoch, which are read one after
 * another whenever they are needed.
 */
export async function anchorsOf(
  { batch, batches, sample }: Source,
  count: PreserveOptions["batches"],
): Promise<Batches> {
  const size = examplesIn(batch);
  if (size === 0) return [batch];
  if (count === "loader") return batches("cost loader");
  const more = Array.from({ length: count - 1 }, (_, i) => sample(size, `cost anchor ${i}`));
  return [batch, ...(await Promise.all(more))];
}

/**
 * Whole batches, with at least `samples` examples in total but not more than an epoch has, that the move does not
 * use; the step's own batch without data or samples.
 */
export async function guardBatches(
  { batch, sample, stepsPerEpoch }: Source,
  samples: number,
): Promise<Batch[]> {
  const size = examplesIn(batch);
  if (size === 0 || samples === 0) return [batch];
  const count = Math.min(Math.ceil(samples / size), stepsPerEpoch);
  return Promise.all(Array.from({ length: count }, (_, i) => sample(size, `cost guard ${i}`)));
}
