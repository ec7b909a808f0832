/** Why a quantity of a diagnosis is missing. */
export interface Missing {
  /** Why. */
  readonly missing: string;
}

/** A quantity of a diagnosis, or why it is missing. */
export type Quantity = number | Missing;

/** Quantities of a point, and of another point with the same loss, that predict what a teleport gains. */
export interface Diagnosis {
  readonly loss: number;
  /** ||g||^2. */
  readonly gradNormSq: number;
  /** Ends of the Hessian's spectrum, bounded from inside: see `lanczos`. */
  readonly lambdaMax: number;
  /** Its least. */
  readonly lambdaMin: number;
  /** g'Hg / ||g||^2: the curvature along the gradient. */
  readonly curvature: Quantity;
  /** cos(g, Hg): 1 where the gradient norm is stationary on the level set, as Hg = lambda g there. */
  readonly cosHessian: Quantity;
  /**
   * 1 - cos^2(g, Hg) = ||Hg - (g'Hg/||g||^2) g||^2 / ||Hg||^2: how far the point is from meeting Lagrange's
   * condition.
   */
  readonly stationarity: Quantity;
  /** cos(g, H^-1 g): 1 where the gradient points along Newton's direction. */
  readonly cosNewton: Quantity;
  /**
   * For a convex quadratic: ||g||^2 / (2 lambda_max (L - L*)), its fraction of the largest value on the level
   * set, in [0, 1].
   */
  readonly levelSetFraction: Quantity;
  /**
   * For a quadratic: whether one optimal teleport makes all later ones useless (Zhao et al. 2022, proposition
   * 5.3).
   */
  readonly oneTeleportSuffices: boolean | Missing;
  /** First-order growth of ||g||^2 within the symmetry's bound, relative: see `createGainPredictor`. */
  readonly predictedGain: Quantity;
  /** Quantities of the moved point, if it is given. */
  readonly moved?:
    | { readonly loss: number; readonly gradNormSq: number; readonly lambdaMax: number }
    | undefined;
  /**
   * ||J^-T g||^2 / ||g||^2, J = dw'/dw: the speed of gradient flow at the moved point relative to the one here; a
   * teleport helps if it is above 1 (proposition 5.1). On a level set of a symmetry J^-T g is the gradient there.
   */
  readonly speedUp: Quantity;
  /**
   * log(||g'|| / ||g||) / log((1 + eta Lc) / (1 - eta Lc)): steps of gradient descent for which the moved point's
   * gradient is guaranteed to stay the larger one (theorem 5.2). Lc is the larger spectral norm of the
   * Hessian at the two points.
   */
  readonly lastingSteps: Quantity;
  /** The quantities in sentences. */
  readonly reading: readonly string[];
}

/** Whether a quantity of a diagnosis is missing; `missing` then says why. */
export function isMissing(quantity: unknown): quantity is Missing {
  return typeof quantity === "object" && quantity !== null && "missing" in quantity;
}

/** Why what holds for quadratics alone is missing where none is declared. */
export const notQuadratic: Missing = { missing: "the loss is not declared a quadratic" };
