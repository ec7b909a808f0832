import type { SignGenerator } from "../descriptors.js";
import { ruleOf } from "../graph/rules.js";
import type { Layout } from "../layout.js";
import { parameterAxisOf, parameterSlots, wholeAxis } from "../parameter-axes.js";
import { diagonalSystem } from "./diagonal.js";
import { signs } from "./field.js";
import { diagonalGenerators, termsOf } from "./generators.js";

/** Flips of signs that cancel: in products, and in odd and even functions. */
export function findSigns(layout: Layout): SignGenerator[] {
  const slots = parameterSlots(layout);
  const system = diagonalSystem(layout, signs, (node) => ruleOf(node).sign(node));
  return diagonalGenerators(system, signs, slots, layout).map(({ along, form }) => {
    const unknowns = termsOf(form).map(([unknown]) => unknown);
    if (along === "parameters") {
      return { kind: "sign", size: 1, axes: unknowns.map((k) => wholeAxis(layout.parameters[k])) };
    }
    const { size } = slots[unknowns[0]].atom;
    return { kind: "sign", size, axes: unknowns.map((s) => parameterAxisOf(layout, slots[s])) };
  });
}
