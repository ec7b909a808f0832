// What the analysis of a loss's graph says of the claim that moves keep the loss.
import type { BatchLoss, BatchSpec } from "../batch.js";
import type { GroupGenerator } from "../symmetry/discovery/descriptors.js";
import { activationBehind, firstUnshown } from "../symmetry/discovery/shown.js";
import { discover } from "../symmetry/symmetries-of.js";
import type { Claim } from "./search/trust-region.js";

/** A search's false claim that its moves keep the loss. */
export interface BrokenClaim {
  /** The claim, and by how much the loss changed. */
  readonly finding: string;
  /** What to use instead. */
  readonly advice: string;
}

export interface ClaimProblem<P> {
  readonly loss: BatchLoss<P>;
  readonly params: P;
  readonly batch: BatchSpec;
}

const discoverIn = <P>({ loss, params, batch }: ClaimProblem<P>) => discover(loss, params, batch);

/** Whether the analysis finds all generators. */
export const isShown = <P>(generators: readonly GroupGenerator[], problem: ClaimProblem<P>): boolean =>
  firstUnshown(generators, discoverIn(problem).found) === undefined;

/** Why a claim is false, and what to use instead. */
export function explained<P>(claim: Claim<P>, problem: ClaimProblem<P>, change: string): BrokenClaim {
  const { graph, found } = discoverIn(problem);
  const unshown = claim.generators && firstUnshown(claim.generators, found);
  const axes = unshown && "axes" in unshown ? unshown.axes : [];
  const [behind] = axes.flatMap(({ path }) => {
    const activation = activationBehind(graph, path);
    return activation === undefined ? [] : [{ path, activation }];
  });
  const anyActivation = behind ? "pseudoInverseAction (of an mlp) or " : "";
  const site = found.bijections.find(({ activation }) => activation === behind?.activation);
  const where = behind ? ` (${behind.activation} behind ${behind.path})` : "";
  return {
    finding: `"${claim.name}" does not keep this loss${where}: ${change}`,
    advice: site
      ? `use hiddenAction of isoloss/symmetry for ${site.activation}, such as (p) => hiddenAction(p, { activation: "${site.activation}" }): it keeps the loss on its batch`
      : found.scalings.length + found.linear.length > 0
        ? "use the groups of symmetriesOf(loss, params, batch), which the loss has"
        : `use ${anyActivation}a search without a symmetry, such as levelSet()`,
  };
}
