import { OptionError } from "../errors.js";

/**
 * Throws unless `value` is a model; the message says what came instead.
 *
 * @throws OptionError
 */
export function requireModel(owner: string, value: unknown): void {
  const { init, apply, then, params, inputs, outputs } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof init === "function" && typeof apply === "function") return;
  throw new OptionError(`${owner}: model must be one such as mlp({ sizes }); got ${got()}`);

  function got(): string {
    if (typeof value === "function") return "a function. Call it.";
    if (typeof value !== "object" || value === null) return `${value === null ? "null" : typeof value}.`;
    if (typeof then === "function") return "a promise. Write await before it.";
    if (
      typeof apply === "function" &&
      params !== undefined &&
      Array.isArray(inputs) &&
      Array.isArray(outputs)
    ) {
      if (inputs.length === 1) {
        const choice = outputs.length === 1 ? "" : `, { output: ${JSON.stringify(outputs[0])} }`;
        return `an imported model. Write trainable(imported${choice}).`;
      }
      const place = inputs.map(({ name }) => `${JSON.stringify(name)}: x`).join(", ");
      return (
        "an imported model, which begins with its file's parameters and has inputs and outputs by name. Write " +
        "{ init: () => ({ params: imported.params, state: {} }), apply: (params, x) => " +
        `({ output: imported.apply(params, { ${place} })[${JSON.stringify(outputs[0])}], state: {} }) }.`
      );
    }
    const keys = Object.keys(value).join(", ") || "no entries";
    return `an object with ${keys}. A model has init(rng, { dtype }) and apply(params, x, context).`;
  }
}
