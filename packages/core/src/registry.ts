import type { OptionTableData } from "./option-kinds.js";

/** Something that a configuration chooses by name. */
export interface Choice<Make> {
  /** A one-line description. */
  readonly summary: string;
  readonly options: OptionTableData;
  readonly make: Make;
}
