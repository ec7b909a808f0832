import { svgText, valueBars, valueBarsWidth } from "isoloss-figures";
import { htmlTable, type ReportSection, type Table } from "../../run/report-html.js";
import { withoutSqnr } from "../measured-change.js";
import { FIGURE_WIDTH, onPage } from "./write-page.js";

/** A file that was measured; no SQNR where outputs are identical or broken. */
export interface MeasuredChoice {
  readonly name: string;
  readonly sqnr: number | null;
  readonly broken: boolean;
}

/** All files that were measured, and which was written. */
export function choicesSection(
  choices: readonly MeasuredChoice[],
  chosen: string,
  { text, table }: { readonly text: string; readonly table: Table },
): ReportSection {
  const values = choices.map(({ name, sqnr, broken }) => ({
    name,
    value: sqnr ?? Number.NaN,
    missing: withoutSqnr({ broken }),
  }));
  const data = { values, chosen, xLabel: "SQNR in dB" };
  const options = onPage("Signal to error of each choice", valueBarsWidth(values, FIGURE_WIDTH));
  return {
    heading: "Measured choices",
    text,
    // One bar alone compares nothing, and has no room for the legend.
    figures: choices.length > 1 ? [svgText(valueBars(data, options))] : [],
    tables: [htmlTable(table)],
  };
}
