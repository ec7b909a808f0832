import { IsolossError } from "isoloss";
import { groupBy } from "../../experiments/results/groups.js";
import { type Folded, htmlTable, type ReportSection } from "../../run/report-html.js";
import type { ModelFile } from "../read-model.js";
import { sentenceOf, titleOf } from "../sentences.js";
import type { Sizes } from "../sizes.js";
import { symmetriesOfModel } from "../symmetries.js";
import type { SymmetryReport } from "../symmetry-reports.js";

/** Longer tables are folded. */
const OPEN = 12;

/** The groups of units that move together, of these kinds. */
export function unitsSection(
  file: ModelFile,
  sizes: Sizes,
  { kinds, text }: { readonly kinds: readonly string[]; readonly text: string },
): ReportSection {
  const heading = "Units that move together";
  try {
    const { symmetries } = symmetriesOfModel(file, { sizes });
    const own = symmetries.filter(({ kind }) => kinds.includes(kind));
    if (own.length === 0) return { heading, text: `${text}\n\nThe model has none.` };
    return { heading, text, folded: [...groupBy(own, ({ kind }) => kind)].map(tableOf) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { heading, text: `They were not found: ${cause.message}` };
  }
}

function tableOf([kind, groups]: [string, readonly SymmetryReport[]]): Folded {
  const table = htmlTable({ columns: ["units", "weights"], rows: groups.map(sentenceOf) });
  const count = groups.length === 1 ? "1 group" : `${groups.length} groups`;
  return { title: `${titleOf(kind)} (${count})`, content: { table }, open: groups.length <= OPEN };
}
