import { join, relative, resolve } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import pc from "picocolors";
import { description, type RunResult, run, splitDigits, variants } from "../demo/experiment.js";
import { table, verdict } from "../demo/summary.js";
import { trainingCurves } from "../figures/training-curves.js";
import { prepareFolder } from "../output.js";
import { createProgress } from "../progress.js";

export interface DemoOptions {
  readonly steps: number;
  readonly seed: number;
  readonly out: string;
  readonly json: boolean;
}

/** What `--json` prints: see the help of the command. */
export interface DemoDocument {
  readonly name: "demo";
  readonly seed: number;
  readonly steps: number;
  /** Absolute path of the SVG. */
  readonly figure: string;
  readonly runs: readonly (Omit<RunResult, "loss" | "seconds"> & {
    readonly history: Pick<RunResult, "loss" | "seconds">;
  })[];
}

/** `isoloss demo`: the same training run plain and with teleports, on the embedded digits. */
export async function demo({ steps, seed, out, json }: DemoOptions): Promise<void> {
  const folder = resolve(out);
  await prepareFolder(folder);
  const progress = createProgress(process.stderr);
  const data = splitDigits(seed);
  const counts = [data.train, data.validation].map(({ inputs }) => inputs.shape[0]);
  progress.line(
    `Digits: ${counts[0]} images to train on, ${counts[1]} to validate; ${description}; seed ${seed}`,
  );

  const results: RunResult[] = [];
  for (const variant of variants) results.push(await run(variant, { ...data, steps, seed, progress }));
  const figure = join(folder, "digits-teleport.svg");
  await writeFileAtomic(figure, trainingCurves(results));
  progress.line("");
  process.stdout.write(json ? documentOf({ seed, steps, figure, results }) : report(results, figure));
}

function documentOf({
  results,
  ...rest
}: Omit<DemoDocument, "name" | "runs"> & { readonly results: readonly RunResult[] }): string {
  const runs = results.map(({ loss, seconds, ...run }) => ({ ...run, history: { loss, seconds } }));
  const document: DemoDocument = { name: "demo", ...rest, runs };
  return `${JSON.stringify(document)}\n`;
}

function report(results: readonly RunResult[], figure: string): string {
  // picocolors also colours what goes to a pipe on a CI server.
  const hasColour = pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR));
  const { bold: heading, yellow: warning } = pc.createColors(hasColour);
  const text = [
    table(results, { heading, warning }),
    verdict(results),
    `Figure: ${relative(process.cwd(), figure)}`,
  ];
  return `${text.join("\n\n")}\n`;
}
