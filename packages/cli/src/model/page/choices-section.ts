import { svgText, valueBars, valueBarsWidth } from "isoloss-figures";
import { htmlTable, type ReportSection, type Table } from "../../run/report-html.js";
import { FIGURE_WIDTH, onPage } from "./write-page.js";

/** A file that was measured; no SQNR where it is infinite or was not measured. */
export interface MeasuredChoice {
  readonly name: string;
  readonly sqnr: number | null;
}

/** All files that were measured, and which was written. */
export function choicesSection(
  choices: readonly MeasuredChoice[],
  chosen: string,
  { text, table }: { readonly text: string; readonly table: Table },
): ReportSection {
  const values = choices.map(({ name, sqnr }) => ({ name, value: sqnr ?? Number.NaN, missing: "-" }));
  const data = { values, chosen, xLabel: "SQNR in dB" };
  const options = onPage("Signal to error of each choice", valueBarsWidth(values, FIGURE_WIDTH));
  return {
    heading: "Measured choices",
    text,
    figures: [svgText(valueBars(data, options))],
    tables: [htmlTable(table)],
  };
}
