import type { Batch } from "../../batch.js";
import type { Rng } from "../../math/rng.js";
import type { GroupGenerator } from "../../symmetry/discovery/descriptors.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import { scaledBlock, type TrustRegion } from "./ascent/trust-region.js";
import { randomElement } from "./random-element.js";

/** The claim of a search that its moves keep the loss, in a form that can be checked. */
export interface Claim<P> {
  /** Name of the group. */
  readonly name: string;
  /** See `Symmetry.generators`. */
  readonly generators?: readonly GroupGenerator[] | undefined;
  /** A random move of the search, `scale` in (0, 1] times its maximum size. */
  move(params: P, batch: Batch, rng: Rng, scale: number): Promise<P | Refusal>;
}

/** A group element larger than this shows nothing that a smaller one does not, and rounding grows. */
const largest = 1;

/** The claim that a symmetry's elements keep the loss, within the trust region of a search. */
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
