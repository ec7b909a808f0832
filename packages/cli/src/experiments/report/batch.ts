import { join } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import { prepareFolder } from "../../output.js";
import { createProgress } from "../../progress.js";
import { describeEnvironment, type Environment } from "../../run/environment.js";
import type { Resolved } from "../definition/resolve.js";
import { type Job, jobsOf } from "../jobs/job.js";
import { type Runner, workerRunner } from "../jobs/pool.js";
import { elapsedTime, mayNeedOnnx, runSession, type SessionOptions } from "../jobs/session.js";
import type { DrawnFigure } from "./figures.js";
import { type ExperimentOutcome, outcomeFigures, runExperiment } from "./outcome.js";
import { experimentsReport, type ReportText } from "./report.js";

export interface Batch {
  readonly outcomes: readonly ExperimentOutcome[];
  /** As the report shows them. */
  readonly figures: ReadonlyMap<ExperimentOutcome, readonly DrawnFigure[]>;
  /** Of its beginning. */
  readonly environment: Environment;
  readonly seconds: number;
}

export const environmentOf = ([first]: readonly Resolved[]): Environment =>
  describeEnvironment({ seed: first?.seeds[0] ?? 0, runtime: "auto" });

/** Runs at the same time: `untimed` where their seconds do not count and each takes one core. */
export const lanesFor = (
  jobs: readonly Job[],
  isTimed: boolean,
  { threads, untimed = threads }: { readonly threads: number; readonly untimed?: number | undefined },
): number =>
  isTimed || jobs.some((job) => mayNeedOnnx(job) && job.settings.threads !== 1) ? threads : untimed;

/**
 * Runs experiments one after another, with progress on stderr. Creates `out` first, and directories of runs in it.
 *
 * @param options `untimed`: see {@link lanesFor}; default `threads`
 */
export async function runBatch(
  experiments: readonly Resolved[],
  { out, untimed, ...session }: SessionOptions & { readonly out: string; readonly untimed?: number },
): Promise<Batch> {
  const folders = { runs: join(out, "runs"), figures: join(out, "figures") };
  for (const folder of [out, ...Object.values(folders)]) await prepareFolder(folder);
  const progress = createProgress(session.quiet ? undefined : process.stderr);
  const { ended, elsewhere, script } = session;
  const lanes = (jobs: readonly Job[], isTimed: boolean) =>
    lanesFor(jobs, isTimed, { threads: session.threads, untimed });
  const begin = elapsedTime();
  const elapsed = ended?.elapsed ?? elapsedTime;
  const environment = ended?.environment ?? environmentOf(experiments);
  const outcomes: ExperimentOutcome[] = [];
  const figures = new Map<ExperimentOutcome, Promise<readonly DrawnFigure[]>>();
  /** Draws what is not drawn yet. What goes wrong is told when all have run. */
  const draw = () => {
    for (const outcome of outcomes)
      if (!figures.has(outcome)) figures.set(outcome, drawnIn(folders.figures, outcome));
    return Promise.allSettled(figures.values());
  };
  for (const resolved of experiments) {
    // Their threads load the program once; the times of an experiment do not depend on those before it.
    const kept: Runner[] = [];
    if (script && !elsewhere) {
      const jobs = jobsOf(resolved, { checkpointSeconds: 30 });
      const most = Math.min(jobs.length, lanes(jobs, resolved.rates.length === 0));
      kept.push(...Array.from({ length: most }, () => workerRunner(script)));
    }
    try {
      const loaded = kept.map((runner) => runner.load());
      // Before a clock runs: a core is free for it while threads load the program.
      await draw();
      await Promise.all(loaded);
      progress.line(`${resolved.name}: ${resolved.title}`);
      const outcome = await runExperiment(resolved, {
        session: (jobs, isTimed) =>
          runSession(isTimed ? jobs : jobs.map((job) => ({ ...job, isUntimed: true })), {
            ...session,
            kept,
            threads: lanes(jobs, isTimed),
          }),
        out: folders.runs,
        // Of all processors: a busy computer repeats runs as often as a quiet one.
        now: () => (elsewhere ? elapsed().wall : elapsed().processor),
      });
      outcomes.push(outcome);
      if (outcome.status === "interrupted") break;
    } finally {
      await Promise.all(kept.map((runner) => runner.end()));
    }
  }
  const { wall } = elapsed();
  await draw();
  const drawn = new Map<ExperimentOutcome, readonly DrawnFigure[]>();
  for (const [outcome, own] of figures) drawn.set(outcome, await own);
  return { outcomes, figures: drawn, environment, seconds: (ended ? wall : wall - begin.wall) / 1000 };
}

/** A page has two figures in a row, on a telephone one. */
const pageSize = { width: 480 };

/** Writes each figure of an outcome as a file, and draws those of the report. */
async function drawnIn(folder: string, outcome: ExperimentOutcome): Promise<readonly DrawnFigure[]> {
  for (const { name, svg } of await outcomeFigures(outcome, { theme: "light" })) {
    await writeFileAtomic(join(folder, `${outcome.resolved.name}-${name}.svg`), svg);
  }
  return outcomeFigures(outcome, { theme: "auto", size: pageSize });
}

/** Writes the report, which contains the figures. Returns its absolute path. */
export async function writeReport(
  { outcomes, figures, environment }: Batch,
  out: string,
  text: ReportText,
): Promise<string> {
  const path = join(out, "report.html");
  await writeFileAtomic(path, experimentsReport(outcomes, figures, { ...text, environment }));
  return path;
}
