import type { OptionTableData } from "./option-kinds.js";

/** Something that a configuration chooses by name. */
export interface Choice<Make> {
  /** What it is, in a line. */
  readonly summary: string;
  readonly options: OptionTableData;
  readonly make: Make;
}
