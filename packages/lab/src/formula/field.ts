import type { Field } from "../url/fields.js";
import { FormulaError, parseFormula } from "./parse.js";

/** A formula in the address and in its field, as it was typed. */
export const formulaField: Field<string> = {
  read(text, name) {
    const formula = text.trim();
    try {
      parseFormula(formula);
      return { value: formula };
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      return { notice: `${name}: ${error.message}, at character ${error.at + 1}.` };
    }
  },
  print: (value) => value,
};
