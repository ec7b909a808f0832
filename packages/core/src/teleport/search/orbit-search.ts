import type { Symmetry } from "../../symmetry/symmetry.js";
import type { OrbitProgram } from "./orbit-walk.js";
import type { Search } from "./search.js";
import { claimOf, type TrustRegion } from "./trust-region.js";

/** A search on the orbit of a symmetry, which it owns, by a program of {@link compileOrbitWalk}. */
export const orbitSearch = <P>(
  symmetry: Symmetry<P>,
  region: TrustRegion,
  program: OrbitProgram<P>,
  { steps, name = symmetry.name }: Pick<Search<P>, "steps"> & Partial<Pick<Search<P>, "name">>,
): Search<P> => ({
  name,
  exact: symmetry.exact,
  claim: claimOf(symmetry, region),
  steps,
  races: true,
  ...program,
  async dispose() {
    await program.dispose();
    await symmetry.dispose?.();
  },
});
