// The rows of the table below the charts.
import { formatValue } from "isoloss-figures/base";
import { attemptTexts, formatSeconds, none } from "../../app/format.js";
import type { Course, Missing } from "./course.js";

export const columns = {
  loss: "last loss",
  steps: "steps to plain's last loss",
  seconds: "time *",
  refused: "of it in refused attempts *",
  teleports: "teleports accepted",
  /** The largest relative change of the loss by one. */
  drift: "largest drift",
};

export function summaryOf(
  run: Course | Missing,
  plain: Course | undefined,
  isGoingOn = false,
): { readonly [Name in keyof typeof columns]?: string } & { readonly note: string } {
  if ("missing" in run) return { note: run.missing };
  const { loss, times, teleports, status, rate, evaluations } = run;
  const { accepted, drift } = teleports;
  const attempts = attemptTexts(teleports);
  const most = drift.reduce((largest, value, k) => (accepted[k] ? Math.max(largest, value) : largest), 0);
  const target = plain?.loss.at(-1);
  const reached = target === undefined ? -1 : loss.findIndex((value) => value <= target);
  return {
    loss: formatLoss(loss.at(-1)),
    steps: target === undefined ? none : reached < 0 ? "not reached" : String(reached),
    seconds: times.runs > 0 ? formatTimes(run) : isGoingOn ? "measuring" : "not timed",
    refused: times.runs === 0 ? none : attempts.refused,
    teleports: attempts.teleports,
    drift: accepted.includes(1) ? most.toExponential(0) : none,
    note: noteOf({
      status,
      rate,
      evaluations,
      steps: loss.length - 1,
      refusal: attempts.refusal,
    }),
  };
}

function formatTimes({ seconds, times: { low, high } }: Course): string {
  const [median, from, to] = [seconds, low, high].map((list) => formatSeconds(list?.at(-1)));
  return low && high ? `${median} [${from}, ${to}]` : median;
}

function noteOf({
  status,
  rate,
  evaluations,
  steps,
  refusal,
}: Pick<Course, "status" | "rate" | "evaluations"> & {
  readonly steps: number;
  readonly refusal: string | undefined;
}): string {
  return [
    ...(status === "diverged"
      ? [
          steps < 0
            ? "the loss or its gradient is not finite at the start"
            : `diverged at step ${steps}: a smaller rate may help`,
        ]
      : []),
    ...(status === "stopped" ? [`stopped at step ${steps}`] : []),
    ...(status === "stalled" ? [`ended at step ${steps}: no step lowers the loss any more`] : []),
    ...(rate === undefined ? [] : [`rate ${formatValue(rate)}`]),
    ...(evaluations === undefined ? [] : [`${evaluations} evaluations`]),
    ...(refusal === undefined ? [] : [refusal]),
  ].join("; ");
}

export const formatLoss = (value: number | undefined): string =>
  value === undefined
    ? none
    : value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
      ? value.toExponential(3)
      : String(Number(value.toPrecision(5)));
