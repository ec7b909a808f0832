// What the settings are called on the screen.
import type { FunctionName, ObjectiveName, OptimizerName, SearchName, Teleports } from "./state.js";

export const functions: Readonly<Record<FunctionName, string>> = {
  rosenbrock: "Rosenbrock's valley",
  booth: "Booth's function",
  quadratic: "quadratic, ½ (x² + c y²)",
};

export const optimizers: readonly (readonly [OptimizerName, string])[] = [
  ["gd", "gradient descent"],
  ["momentum", "momentum"],
  ["nesterov", "Nesterov"],
  ["adagrad", "AdaGrad"],
  ["rmsprop", "RMSprop"],
  ["adam", "Adam"],
];

export const searches: readonly (readonly [SearchName, string])[] = [
  ["bestAngle", "best angle"],
  ["gradientAscent", "gradient ascent"],
  ["levelSet", "level set"],
];

export const objectives: readonly (readonly [ObjectiveName, string])[] = [
  ["gradNormSq", "gradient norm"],
  ["modelDecrease", "model decrease"],
];

/** Teleports of a kind that was chosen, for runs of `n` steps. */
export function teleportsOf(kind: Teleports["kind"], n: number): Teleports {
  if (kind === "off") return { kind };
  const tenth = Math.max(1, Math.round(n / 10));
  return kind === "every" ? { kind, steps: tenth } : { kind, steps: [tenth] };
}
