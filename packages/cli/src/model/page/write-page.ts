// What `--report` writes: one HTML page about a changed model.
import { resolve } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import type { FigureOptions } from "isoloss-figures";
import { nodeDocument } from "../../experiments/report/node-document.js";
import { describeEnvironment } from "../../run/environment.js";
import { type Report, renderReport } from "../../run/report-html.js";

/** Options of a figure on the page, which has the colors of its reader. */
export const onPage = (title: string, width: number): FigureOptions => ({
  document: nodeDocument(),
  theme: "auto",
  title,
  width,
});

/** Room of the widest figure that has not a row of its own. */
export const FIGURE_WIDTH = 560;

/** Writes the page. */
export async function writePage(
  path: string,
  page: Pick<Report, "title" | "conclusion" | "lead" | "sections">,
): Promise<void> {
  const { seed: _, ...environment } = describeEnvironment({ seed: 0, runtime: "auto" });
  const threads = environment.threads ?? "as many as the runtime chooses";
  const html = renderReport({ ...page, verdicts: [], environment: { ...environment, threads } });
  await writeFileAtomic(resolve(path), html);
}
