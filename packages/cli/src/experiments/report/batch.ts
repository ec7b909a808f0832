import { join } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import { prepareFolder } from "../../output.js";
import { createProgress } from "../../progress.js";
import type { Resolved } from "../definition/resolve.js";
import { runSession, type SessionOptions } from "../jobs/session.js";
import { type ExperimentOutcome, outcomeFigures, runExperiment } from "./outcome.js";
import { experimentsReport, type ReportText } from "./report.js";

/** Experiments that have been run. */
export interface Batch {
  readonly outcomes: readonly ExperimentOutcome[];
  readonly seconds: number;
}

const foldersIn = (out: string) => ({ runs: join(out, "runs"), figures: join(out, "figures") });

/** Runs experiments one after another, with progress on stderr; makes `out` first, and directories of runs in it. */
export async function runBatch(
  experiments: readonly Resolved[],
  { out, ...session }: SessionOptions & { readonly out: string },
): Promise<Batch> {
  const { runs, figures } = foldersIn(out);
  // Before the runs, not after them.
  for (const folder of [out, runs, figures]) await prepareFolder(folder);
  const progress = createProgress(process.stderr);
  const begin = performance.now();
  const outcomes: ExperimentOutcome[] = [];
  for (const resolved of experiments) {
    if (!session.quiet) progress.line(`${resolved.name}: ${resolved.title}`);
    const outcome = await runExperiment(resolved, {
      session: (jobs) => runSession(jobs, session),
      out: runs,
    });
    outcomes.push(outcome);
    if (outcome.status === "interrupted") break;
  }
  return { outcomes, seconds: (performance.now() - begin) / 1000 };
}

/** In a page, figures stand two a row, and one a row on a telephone. */
const pageSize = { width: 480, height: 380 };

/** Writes the figures as files of their own and the report with them; its absolute path. */
export async function writeReport({ outcomes }: Batch, out: string, text: ReportText): Promise<string> {
  const figures = new Map<ExperimentOutcome, readonly string[]>();
  const { figures: folder } = foldersIn(out);
  for (const outcome of outcomes) {
    if (outcome.results.length === 0) continue;
    for (const { name, svg } of await outcomeFigures(outcome, { theme: "light" })) {
      await writeFileAtomic(join(folder, `${outcome.resolved.name}-${name}.svg`), svg);
    }
    const shown = await outcomeFigures(outcome, { theme: "auto", size: pageSize });
    figures.set(
      outcome,
      shown.map(({ svg }) => svg),
    );
  }
  const path = join(out, "report.html");
  await writeFileAtomic(path, experimentsReport(outcomes, figures, text));
  return path;
}
