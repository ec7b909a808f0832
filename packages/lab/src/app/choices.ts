// What several screens let choose: names in the library, and what they are called.
export const optimizers = [
  ["gd", "gradient descent"],
  ["momentum", "momentum"],
  ["nesterov", "Nesterov"],
  ["adagrad", "AdaGrad"],
  ["rmsprop", "RMSprop"],
  ["adam", "Adam"],
] as const;

export const optimizerNames = /* @__PURE__ */ optimizers.map(([name]) => name);

/** What a teleport makes larger. */
export const objectives = [
  ["gradNormSq", "gradient norm"],
  ["modelDecrease", "model decrease"],
] as const;

export type ObjectiveName = (typeof objectives)[number][0];
export const objectiveNames = /* @__PURE__ */ objectives.map(([name]) => name);
