import type { NdArray } from "isoloss";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { openFile } from "../model-file/compare/run-model.js";
import type { RunSettings } from "./inner-values.js";
import type { Pieces } from "./piece.js";

/** Values of float32 in a model, one after another, each computed from those before: so all of them cost about one run of it. */
export class LayerWalk {
  readonly #carried: readonly Map<string, NdArray>[];
  /** The last place among the wanted values for which each one is taken. */
  readonly #lastUse = new Map<string, number>();

  /**
   * @param wanted values, in the order of the graph
   * @param kept the values that are carried on: the one at a place is made from that of `wanted` there, or is it
   * @param batches inputs
   */
  constructor(
    readonly pieces: Pieces,
    readonly wanted: readonly string[],
    readonly kept: readonly string[],
    readonly batches: readonly NamedValues[],
    readonly settings: RunSettings,
  ) {
    this.#carried = batches.map((batch) => new Map(Object.entries(batch)));
    for (const [k, name] of wanted.entries()) {
      const { inputs } = pieces.to([name], new Set(kept.slice(0, k)));
      for (const input of inputs) this.#lastUse.set(input, k);
    }
  }

  /** The wanted value at a place for each batch; what is changed in it counts for later ones where it is carried on. */
  async at(k: number): Promise<readonly NdArray[]> {
    this.settings.signal?.throwIfAborted();
    const { wanted, kept, batches } = this;
    const isKept = (name: string) => (this.#lastUse.get(name) ?? 0) > k;
    // What is made from the value before is part of the way to this one.
    const before = kept.slice(Math.max(0, k - 1), k).filter(isKept);
    await this.#carry([wanted[k], ...before]);
    for (const [i, values] of this.#carried.entries()) {
      for (const name of values.keys()) {
        if (name !== wanted[k] && !isKept(name) && !Object.hasOwn(batches[i], name)) values.delete(name);
      }
    }
    return this.#carried.map((values) => values.get(wanted[k]) as NdArray);
  }

  /** Adds values to those that are carried, from which they are computed. */
  async #carry(values: readonly string[]): Promise<void> {
    const known = new Set(this.#carried[0].keys());
    const missing = [...new Set(values)].filter((name) => !known.has(name));
    if (missing.length === 0) return;
    const dtypes = new Map([...known].map((name) => [name, "float32"] as const));
    const piece = this.pieces.to(missing, known);
    const session = await openFile(this.pieces.file(piece, missing, dtypes), this.settings);
    try {
      for (const own of this.#carried) {
        const made = await session.run(Object.fromEntries(own));
        for (const name of missing) own.set(name, made[name]);
      }
    } finally {
      await session.dispose();
    }
  }
}
