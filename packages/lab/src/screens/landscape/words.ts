// What the settings are called on the screen.
import type { FunctionName, ObjectiveName, OptimizerName, SearchName } from "./state.js";

export const functions: Readonly<Record<FunctionName, string>> = {
  rosenbrock: "Rosenbrock's valley",
  booth: "Booth's function",
  quadratic: "quadratic, ½ (x² + c y²)",
  own: "your own, r₁² + r₂²",
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
