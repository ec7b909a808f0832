import { type Diagnosis, isMissing, notQuadratic } from "./diagnosis.js";

type Quantities = Omit<Diagnosis, "reading">;

/** Below this, 1 - cos^2 counts as 0: the angle is then below 0.06 degrees. */
const stationary = 1e-6;
/** Below this, a relative change counts as rounding, also in float32. */
const unchanged = 1e-5;

const short = (x: number): string => `${Number(x.toPrecision(3))}`;
const percent = (x: number): string => `${short(100 * x)} %`;

/** A diagnosis in sentences: where the parameters are, and what a teleport could change there. */
export function readingOf(d: Quantities, rate: number | undefined): string[] {
  if (d.gradNormSq === 0)
    return [`The loss is ${short(d.loss)}, and its gradient is zero: this is a stationary point.`];
  return [
    ...step(d, rate),
    ...stability(d, rate),
    levelSet(d),
    newton(d),
    ...quadratic(d),
    gain(d),
    ...teleport(d, rate),
  ];
}

function step({ loss, gradNormSq, curvature }: Quantities, rate: number | undefined): string[] {
  const here = `The loss is ${short(loss)}, and its squared gradient norm ||g||^2 is ${short(gradNormSq)}.`;
  if (isMissing(curvature) || rate === undefined) return [here];
  const decrease = rate * gradNormSq * (1 - (rate * curvature) / 2);
  const change =
    decrease >= 0 ? `lowers the loss by ${short(decrease)}` : `raises the loss by ${short(-decrease)}`;
  return [
    here,
    `By the quadratic model, a step of gradient descent at the learning rate ${short(rate)} ${change}.`,
  ];
}

function stability({ lambdaMin, lambdaMax, curvature }: Quantities, rate: number | undefined): string[] {
  const ends = `The Hessian's eigenvalues lie between ${short(lambdaMin)} and ${short(lambdaMax)}`;
  if (!(lambdaMax > 0)) return [`${ends}: no learning rate is too large for this curvature.`];
  const limit = 2 / lambdaMax;
  const verdict =
    rate === undefined ? "" : ` The learning rate ${short(rate)} is ${rate < limit ? "" : "not "}below that.`;
  const along = isMissing(curvature) ? [] : [alongGradient(curvature, lambdaMax)];
  return [
    `${ends}: gradient descent is stable at learning rates below 2 / ${short(lambdaMax)} = ${short(limit)}.${verdict}`,
    ...along,
  ];
}

const alongGradient = (curvature: number, lambdaMax: number): string =>
  curvature > 0
    ? `The curvature along the gradient is ${short(curvature)}, ${percent(curvature / lambdaMax)} of the largest.`
    : `The curvature along the gradient is ${short(curvature)}: by the quadratic model, a longer step gains more.`;

function levelSet({ cosHessian, stationarity, curvature, lambdaMax }: Quantities): string {
  if (isMissing(stationarity) || isMissing(cosHessian) || isMissing(curvature))
    return "The loss has no curvature along the gradient.";
  if (stationarity > stationary) {
    return `cos(g, Hg) is ${short(cosHessian)}, not 1: points nearby have the same loss and a larger gradient, and a teleport could lead there.`;
  }
  return curvature >= lambdaMax - 1e-3 * Math.abs(lambdaMax)
    ? "The gradient is an eigenvector of the Hessian's largest eigenvalue: no point nearby has the same loss and a larger gradient."
    : "The gradient is an eigenvector of the Hessian, but not of its largest eigenvalue: farther along the level set, the gradient is larger.";
}

function newton({ cosNewton }: Quantities): string {
  if (isMissing(cosNewton)) return `There is no Newton direction to compare with: ${cosNewton.missing}.`;
  const isSame = 1 - cosNewton ** 2 <= stationary;
  return `cos(g, H^-1 g) is ${short(cosNewton)}: gradient descent and Newton's method take ${isSame ? "the same direction" : "different directions"}.`;
}

/** What holds for quadratics alone. */
function quadratic({ levelSetFraction, oneTeleportSuffices }: Quantities): string[] {
  if (levelSetFraction === notQuadratic) return [];
  if (isMissing(levelSetFraction))
    return [
      `How far ||g||^2 is below the largest on this level set is not known: ${levelSetFraction.missing}.`,
    ];
  const share =
    levelSetFraction > 1 - unchanged
      ? "||g||^2 is the largest on this level set: no teleport can raise it."
      : `||g||^2 is ${percent(levelSetFraction)} of the largest on this level set: a teleport can make it at most ${short(1 / levelSetFraction)} times as large.`;
  return oneTeleportSuffices === true
    ? [
        share,
        "The loss is a convex quadratic: after one teleport to the largest gradient, gradient descent stays at the largest gradient of every level set it meets.",
      ]
    : [share];
}

function gain({ predictedGain, levelSetFraction }: Quantities): string {
  if (isMissing(predictedGain)) return `No gain by a symmetry is predicted: ${predictedGain.missing}.`;
  if (predictedGain < unchanged) {
    return "To first order, the symmetry does not change ||g||^2 here: an orthogonal action never does, and at a stationary point of the orbit none does.";
  }
  const estimate = `Extrapolated to first order, the slope along the symmetry raises ||g||^2 by ${percent(predictedGain)} within its bound`;
  const limit = isMissing(levelSetFraction) ? Infinity : 1 / levelSetFraction - 1;
  return predictedGain > limit
    ? `${estimate}: more than the ${percent(limit)} that the level set allows, so the bound is too wide for this estimate.`
    : `${estimate}: an estimate, not a limit.`;
}

/** What a teleport from here changed. */
function teleport(
  { speedUp, moved, loss, lambdaMax, lastingSteps }: Quantities,
  rate: number | undefined,
): string[] {
  if (moved === undefined || isMissing(speedUp)) return [];
  const drift = Math.abs(moved.loss - loss) / Math.max(Math.abs(loss), 1e-12);
  if (drift > 1e-3)
    return [
      `The teleport changed the loss by ${percent(drift)}, so it left the level set; ||g||^2 is ${short(speedUp)} times as large.`,
    ];
  if (speedUp <= 1 + unchanged) return ["The teleport did not raise ||g||^2: it does not help here."];
  const grown = `The teleport made ||g||^2 ${short(speedUp)} times as large`;
  const growth = moved.lambdaMax / lambdaMax;
  const curved =
    lambdaMax > 0 && moved.lambdaMax > 0
      ? `${grown} and the largest curvature ${short(growth)} times: at a learning rate tuned to the curvature, a factor of ${short(speedUp / growth)} remains.`
      : `${grown}.`;
  if (rate === undefined) return [curved];
  return [
    curved,
    isMissing(lastingSteps)
      ? `How long that lasts is not known: the theorem needs a learning rate below 1 / ||H||, and this is ${short(rate)}.`
      : `The gradient stays the larger one for at least ${Math.floor(lastingSteps)} steps of gradient descent.`,
  ];
}
