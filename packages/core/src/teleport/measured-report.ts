import type { Batch } from "../batch.js";
import type { CurvatureMeter } from "./curvature/curvature-meter.js";
import { relativeDrift } from "./guard.js";
import type { WalkOutcome } from "./guarded-search.js";
import { endAfter, type TeleportReport } from "./report.js";

/** What a report tells of besides the walk. */
export interface Reported<P> {
  readonly accepted: boolean;
  readonly seconds: number;
  /** Both ends, for the ratios of an accepted teleport. */
  readonly ends?: { readonly from: P; readonly to: P; readonly batch: Batch } | undefined;
}

/** Makes the reports of a teleporter's teleports. */
export interface Reporter<P> {
  report(walked: WalkOutcome, reported: Reported<P>): Promise<TeleportReport>;
}

export function createReporter<P>({
  search,
  inexact,
  meter,
}: {
  /** Name of the search. */
  readonly search: string;
  readonly inexact?: string | undefined;
  readonly meter?: CurvatureMeter<P> | undefined;
}): Reporter<P> {
  const curvatures = async (
    { measure }: CurvatureMeter<P>,
    { from, to, batch }: NonNullable<Reported<P>["ends"]>,
  ) => {
    const [before, after] = [await measure(from, batch), await measure(to, batch)];
    if (before === undefined || after === undefined) return undefined;
    return {
      lambdaMax: after.lambdaMax / before.lambdaMax,
      ...(after.modelDecrease === undefined || before.modelDecrease === undefined
        ? {}
        : { modelDecrease: after.modelDecrease / before.modelDecrease }),
    };
  };
  return {
    async report({ start, point, reason, steps, halvings }, { accepted, seconds, ends }) {
      const ratios = accepted && ends && meter ? await curvatures(meter, ends) : undefined;
      return {
        search,
        accepted,
        reason: endAfter(steps, reason),
        ...comparison(start.loss, point.loss),
        objectiveBefore: start.objective,
        objectiveAfter: point.objective,
        gradNormSqBefore: start.gradNormSq,
        gradNormSqAfter: point.gradNormSq,
        ...(start.heldOutLoss !== undefined && point.heldOutLoss !== undefined
          ? { heldOut: comparison(start.heldOutLoss, point.heldOutLoss) }
          : {}),
        ...(inexact === undefined ? {} : { inexact }),
        ...(ratios ? { ratios: { gradNormSq: point.gradNormSq / start.gradNormSq, ...ratios } } : {}),
        steps,
        halvings,
        seconds,
      };
    },
  };
}

const comparison = (lossBefore: number, lossAfter: number) => ({
  lossBefore,
  lossAfter,
  drift: relativeDrift(lossBefore, lossAfter),
});
