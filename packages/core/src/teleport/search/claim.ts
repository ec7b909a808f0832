import type { Batch } from "../../batch.js";
import type { Rng } from "../../math/rng.js";
import type { GroupGenerator } from "../../symmetry/discovery/descriptors.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import { scaledBlock, type TrustRegion } from "./ascent/trust-region.js";
import { randomElement } from "./random-element.js";

/** What a search says of its moves, that they keep the loss, in a form that can be checked. */
export interface Claim<P> {
  /** Of the group. */
  readonly name: string;
  /** See `Symmetry.generators`. */
  readonly generators?: readonly GroupGenerator[] | undefined;
  /** A random move among those of the search, `scale` in (0, 1] times as large as it can be. */
  move(params: P, batch: Batch, rng: Rng, scale: number): Promise<P | Refusal>;
}

/** Past this size an element of a group shows nothing that a smaller one does not, and rounding grows. */
const largest = 1;

/** That a symmetry's elements keep the loss, as far as a search goes. */
export const claimOf = <P>(symmetry: Symmetry<P>, { kind, value }: TrustRegion): Claim<P> => ({
  name: symmetry.name,
  ...(symmetry.generators ? { generators: symmetry.generators } : {}),
  async move(params, batch, rng, scale) {
    const region = { kind, value: Math.min(value, largest) };
    const T = randomElement(symmetry, region, rng.int(2 ** 32), 0);
    return symmetry.act(
      params,
      T.map((block) => scaledBlock(block, scale)),
      batch,
    );
  },
});
