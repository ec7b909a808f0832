import type { ModelFile } from "../read-model.js";
import type { Sizes } from "../sizes.js";

/** A model and what became of it. */
export interface Changed {
  readonly file: ModelFile;
  /** Path of the new file, as it was given. */
  readonly out: string;
  /** The new file. */
  readonly bytes: Uint8Array;
  readonly sizes: Sizes;
}
