import { IsolossError } from "isoloss";
import type { GroupDescription } from "isoloss/symmetry";
import { groupBy } from "../../experiments/results/groups.js";
import { type Folded, htmlTable, type ReportSection } from "../../run/report-html.js";
import type { ModelFile } from "../read-model.js";
import type { Sizes } from "../sizes.js";
import { symmetriesOfModel } from "../symmetries.js";

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
    const { groups } = symmetriesOfModel(file, { sizes });
    const own = groups.filter(({ kind }) => kinds.includes(kind));
    if (own.length === 0) return { heading, text: `${text}\n\nThe model has none.` };
    return { heading, text, folded: [...groupBy(own, ({ title }) => title)].map(tableOf) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { heading, text: `They were not found: ${cause.message}` };
  }
}

function tableOf([title, groups]: [string, readonly GroupDescription[]]): Folded {
  const table = htmlTable({
    columns: ["units", "weights"],
    rows: groups.map(({ units, text }) => [units, text]),
  });
  const count = groups.length === 1 ? "1 group" : `${groups.length} groups`;
  return { title: `${title} (${count})`, content: { table }, open: groups.length <= OPEN };
}
