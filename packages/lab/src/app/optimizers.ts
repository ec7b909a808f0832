/** The optimizers that a screen offers: their names in the library, and what they are called. */
export const optimizers = [
  ["gd", "gradient descent"],
  ["momentum", "momentum"],
  ["nesterov", "Nesterov"],
  ["adagrad", "AdaGrad"],
  ["rmsprop", "RMSprop"],
  ["adam", "Adam"],
] as const;

export type OptimizerName = (typeof optimizers)[number][0];
export const optimizerNames = /* @__PURE__ */ optimizers.map(([name]) => name);
