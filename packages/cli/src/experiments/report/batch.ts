import { join } from "node:path";
import { omit } from "es-toolkit";
import { writeFileAtomic } from "isoloss/node";
import { prepareFolder } from "../../output.js";
import { createProgress } from "../../progress.js";
import { describeEnvironment, type Environment } from "../../run/environment.js";
import type { Resolved } from "../definition/resolve.js";
import type { Job } from "../jobs/job.js";
import type { Runner } from "../jobs/pool.js";
import { elapsedTime, mayNeedOnnx, runSession, type SessionOptions } from "../jobs/session.js";
import type { JobResult } from "../kind.js";
import type { DrawnFigure } from "./figures.js";
import { type ExperimentOutcome, outcomeFigures, runExperiment } from "./outcome.js";
import { experimentsReport, type ReportText } from "./report.js";

export interface Batch {
  readonly outcomes: readonly ExperimentOutcome[];
  /** Of its beginning. */
  readonly environment: Environment;
  readonly seconds: number;
}

const foldersIn = (out: string) => ({ runs: join(out, "runs"), figures: join(out, "figures") });

export const environmentOf = ([first]: readonly Resolved[]): Environment =>
  describeEnvironment({ seed: first?.seeds[0] ?? 0, runtime: "auto" });

/** Runs at the same time: `untimed` where their seconds do not count and each takes one core. */
export const lanesFor = (
  jobs: readonly Job[],
  isTimed: boolean,
  { threads, untimed = threads }: { readonly threads: number; readonly untimed?: number | undefined },
): number =>
  isTimed || jobs.some((job) => mayNeedOnnx(job) && job.settings.threads !== 1) ? threads : untimed;

/** A run that had others beside it has no times to show. */
const withoutTimes = (result: JobResult): JobResult => ({
  ...result,
  document: {
    ...result.document,
    wallSeconds: null,
    metrics: omit(result.document.metrics, ["move.seconds"]),
  },
});

/**
 * Runs experiments one after another, with progress on stderr. Creates `out` first, and directories of runs in it.
 *
 * @param options `untimed`: see {@link lanesFor}; left out, all times count
 */
export async function runBatch(
  experiments: readonly Resolved[],
  { out, untimed, ...session }: SessionOptions & { readonly out: string; readonly untimed?: number },
): Promise<Batch> {
  const { runs, figures } = foldersIn(out);
  for (const folder of [out, runs, figures]) await prepareFolder(folder);
  const progress = createProgress(session.quiet ? undefined : process.stderr);
  const { ended, elsewhere } = session;
  const begin = elapsedTime();
  const elapsed = ended?.elapsed ?? elapsedTime;
  const environment = ended?.environment ?? environmentOf(experiments);
  const outcomes: ExperimentOutcome[] = [];
  // Their threads load the program once.
  const kept: Runner[] = [];
  const endKept = () => Promise.all(kept.splice(0).map((runner) => runner.end()));
  try {
    for (const [i, resolved] of experiments.entries()) {
      const place = experiments.length > 1 ? `${i + 1}/${experiments.length} ` : "";
      progress.line(`${place}${resolved.name}: ${resolved.title}`);
      // Times that count do not depend on the experiments before.
      if (untimed === undefined || resolved.rates.length > 0) await endKept();
      const outcome = await runExperiment(resolved, {
        session: async (jobs, isTimed) => {
          const threads = lanesFor(jobs, isTimed, { threads: session.threads, untimed });
          const ran = await runSession(jobs, { ...session, kept, threads });
          return threads > session.threads ? { ...ran, results: ran.results.map(withoutTimes) } : ran;
        },
        out: runs,
        // Of all processors: a busy computer repeats runs as often as a quiet one.
        now: () => (elsewhere ? elapsed().wall : elapsed().processor),
      });
      outcomes.push(outcome);
      if (outcome.status === "interrupted") break;
    }
  } finally {
    await endKept();
  }
  const { wall } = elapsed();
  return { outcomes, environment, seconds: (ended ? wall : wall - begin.wall) / 1000 };
}

/** A page has two figures in a row, on a telephone one. */
const pageSize = { width: 480 };

/** Writes each figure as a file, and the report, which contains them. Returns the absolute path of the report. */
export async function writeReport(
  { outcomes, environment }: Batch,
  out: string,
  text: ReportText,
): Promise<string> {
  const figures = new Map<ExperimentOutcome, readonly DrawnFigure[]>();
  const { figures: folder } = foldersIn(out);
  for (const outcome of outcomes) {
    if (outcome.results.length === 0) continue;
    for (const { name, svg } of await outcomeFigures(outcome, { theme: "light" })) {
      await writeFileAtomic(join(folder, `${outcome.resolved.name}-${name}.svg`), svg);
    }
    figures.set(outcome, await outcomeFigures(outcome, { theme: "auto", size: pageSize }));
  }
  const path = join(out, "report.html");
  await writeFileAtomic(path, experimentsReport(outcomes, figures, { ...text, environment }));
  return path;
}
