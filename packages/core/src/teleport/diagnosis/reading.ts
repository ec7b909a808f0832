import { type Diagnosis, isMissing } from "./diagnosis.js";

/** Threshold below which 1 - cos^2 counts as 0: the angle is then below 0.06 degrees. */
const STATIONARY = 1e-6;
/** Threshold below which a relative change counts as rounding, also in float32. */
const UNCHANGED = 1e-5;

const short = (x: number): string => `${Number(x.toPrecision(3))}`;
const percent = (x: number): string => `${short(100 * x)} %`;

/** Explains a diagnosis in plain words: one sentence per quantity. */
export function readingOf(d: Omit<Diagnosis, "reading">, learningRate?: number): string[] {
  return [
    gradient(d),
    spectrum(d, learningRate),
    alongGradient(d),
    lagrange(d),
    newton(d),
    fraction(d),
    suffices(d),
    gain(d),
    speedUp(d),
    lasting(d),
  ];
}

type Quantities = Omit<Diagnosis, "reading">;

const gradient = ({ loss, gradNormSq }: Quantities): string =>
  `The loss is ${short(loss)}, and gradient flow lowers it at the rate ||g||^2 = ${short(gradNormSq)}.`;

function spectrum({ lambdaMin, lambdaMax }: Quantities, learningRate?: number): string {
  const ends = `The Hessian's eigenvalues go from ${short(lambdaMin)} to ${short(lambdaMax)}`;
  if (!(lambdaMax > 0)) return `${ends}: no learning rate is too large for this curvature.`;
  const limit = 2 / lambdaMax;
  if (learningRate === undefined)
    return `${ends}: gradient descent is stable below the rate ${short(limit)}.`;
  const verdict = learningRate < limit ? "below" : "not below";
  return `${ends}: the learning rate ${short(learningRate)} is ${verdict} ${short(limit)}, where gradient descent turns unstable.`;
}

function alongGradient({ curvature, lambdaMax }: Quantities): string {
  if (isMissing(curvature)) return `The curvature along the gradient is not known: ${curvature.missing}.`;
  if (curvature <= 0) {
    return `The curvature along the gradient is ${short(curvature)}: a longer step gains more as far as the quadratic model goes.`;
  }
  return `The curvature along the gradient is ${short(curvature)}, ${percent(curvature / lambdaMax)} of the largest.`;
}

function lagrange({ cosHessian, stationarity, curvature, lambdaMax }: Quantities): string {
  if (isMissing(stationarity) || isMissing(cosHessian) || isMissing(curvature)) {
    const { missing } = [stationarity, cosHessian, curvature].find(isMissing) ?? { missing: "" };
    return `Whether the gradient norm can grow on the level set is not known: ${missing}.`;
  }
  if (stationarity > STATIONARY) {
    return `cos(g, Hg) is ${short(cosHessian)}, not 1, so points nearby have the same loss and a larger gradient.`;
  }
  return curvature >= lambdaMax - 1e-3 * Math.abs(lambdaMax)
    ? "The gradient is an eigenvector of the Hessian's largest eigenvalue: no point nearby has the same loss and a larger gradient."
    : "The gradient is an eigenvector of the Hessian but not of its largest eigenvalue: its norm is stationary on the level set, yet larger elsewhere.";
}

function newton({ cosNewton }: Quantities): string {
  if (isMissing(cosNewton)) return `Newton's direction is not known: ${cosNewton.missing}.`;
  return `cos(g, H^-1 g) is ${short(cosNewton)}: ${
    1 - cosNewton ** 2 <= STATIONARY
      ? "gradient descent goes where Newton's method goes."
      : "gradient descent and Newton's method go different ways."
  }`;
}

function fraction({ levelSetFraction }: Quantities): string {
  if (isMissing(levelSetFraction))
    return `The level set's largest gradient is not known: ${levelSetFraction.missing}.`;
  return `||g||^2 is ${percent(levelSetFraction)} of the largest on this level set: a teleport can make it at most ${short(1 / levelSetFraction)} times as large.`;
}

function suffices({ oneTeleportSuffices }: Quantities): string {
  if (isMissing(oneTeleportSuffices))
    return `Whether one teleport suffices is not known: ${oneTeleportSuffices.missing}.`;
  return "One optimal teleport suffices: gradient descent then stays at the largest gradient of every level set it meets.";
}

function gain({ predictedGain, levelSetFraction }: Quantities): string {
  if (isMissing(predictedGain)) return `The gain by a symmetry is not predicted: ${predictedGain.missing}.`;
  if (predictedGain < UNCHANGED) {
    return "This symmetry does not change ||g||^2 here: an orthogonal action never helps, and at a stationary point of the orbit no action does.";
  }
  const estimate = `Extrapolated to first order, the slope along the symmetry raises ||g||^2 by ${percent(predictedGain)} within its bound`;
  const limit = isMissing(levelSetFraction) ? Infinity : 1 / levelSetFraction - 1;
  return predictedGain > limit
    ? `${estimate}: more than the ${percent(limit)} that the level set allows, so the bound is too wide for this estimate.`
    : `${estimate}: an estimate, not a limit.`;
}

function speedUp({ speedUp: ratio, moved, loss, lambdaMax }: Quantities): string {
  if (isMissing(ratio) || moved === undefined) {
    return `A speed-up is not known: ${isMissing(ratio) ? ratio.missing : "no point `moved` is given"}.`;
  }
  const drift = Math.abs(moved.loss - loss) / Math.max(Math.abs(loss), 1e-12);
  if (drift > 1e-3) {
    return `The moved point's loss differs by ${percent(drift)}, so its ||g||^2, ${short(ratio)} times the one here, is not that of a teleport.`;
  }
  if (ratio <= 1 + UNCHANGED) return "The moved point's gradient is not larger: this teleport does not help.";
  const faster = `At the moved point gradient flow is ${short(ratio)} times as fast`;
  if (!(lambdaMax > 0 && moved.lambdaMax > 0)) return `${faster}.`;
  const growth = moved.lambdaMax / lambdaMax;
  return `${faster}; the largest curvature is ${short(growth)} times as large, which leaves a factor ${short(ratio / growth)} to a learning rate that is tuned to it.`;
}

function lasting({ lastingSteps }: Quantities): string {
  if (isMissing(lastingSteps)) return `How long a gain lasts is not known: ${lastingSteps.missing}.`;
  return `The moved point's gradient stays the larger one for at least ${Math.floor(lastingSteps)} steps of gradient descent.`;
}
