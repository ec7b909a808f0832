import type { OptionTableData } from "./options.js";

/** Something that a configuration chooses by name. */
export interface Choice<Make> {
  /** A one-line description. */
  readonly summary: string;
  readonly options: OptionTableData;
  readonly make: Make;
}

/** A row of a registry. */
export const choice = <Make, Options extends OptionTableData>(
  make: Make,
  options: Options,
  summary: string,
): { readonly make: NoInfer<Make>; readonly options: Options; readonly summary: string } => ({
  make,
  options,
  summary,
});
