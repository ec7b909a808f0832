// What the runs are called, and how they look. What varies has the color: the methods where there are several, else how
// the one method runs; the other one has the dashes.
import { themeOf } from "isoloss-figures/base";
import { type MethodName, methodNames, type TasksState, type VariantName, variantNames } from "./state.js";

export const methods: Readonly<Record<MethodName, { readonly title: string; readonly text: string }>> = {
  linearScalarization: { title: "LS", text: "Linear scalarization: the sum of the losses." },
  pcGrad: { title: "PCGrad", text: "Gradients projected off those that they conflict with." },
  mgda: { title: "MGDA", text: "The least norm in the hull of the gradients." },
  caGrad: { title: "CAGrad", text: "The best worst decrease in a ball around the mean gradient." },
  fairGrad: { title: "FairGrad", text: "Alpha-fair decreases of the losses." },
  nashMtl: { title: "Nash-MTL", text: "The bargaining solution." },
  upGrad: { title: "UPGrad", text: "The mean of the projections on the dual cone." },
};

export const variants: Readonly<Record<VariantName, { readonly title: string; readonly text: string }>> = {
  alone: { title: "alone", text: "The method without teleports." },
  cost: {
    title: "with COST",
    text: "Teleports where the gradients conflict, trained for a larger sharpness.",
  },
  random: {
    title: "random jumps",
    text: "A control: a random displacement of the same radius, under the same guard.",
  },
  same: {
    title: "same time",
    text: "A control: no teleport, and at its end as many more steps as COST's attempts took time.",
  },
  rate: { title: "rate × 10", text: "A control: no teleport, ten times the rate." },
};

const dashes: readonly (readonly number[])[] = [[], [10, 4], [2, 4], [10, 3, 2, 3], [5, 3]];

export interface Look {
  readonly title: string;
  readonly color: string;
  readonly dash: readonly number[];
}

export function lookOf(
  { method, variant }: { readonly method: MethodName; readonly variant: VariantName },
  compared: Pick<TasksState, "methods">,
  theme: "light" | "dark",
): Look {
  const { series } = themeOf(theme);
  const how = variantNames.indexOf(variant);
  if (compared.methods.length === 1) {
    const title =
      variant === "alone" ? methods[method].title : `${methods[method].title}, ${variants[variant].title}`;
    return { title, color: series(how), dash: how < 2 ? [] : dashes[how] };
  }
  const title =
    variant === "alone" ? methods[method].title : `${methods[method].title}, ${variants[variant].title}`;
  return { title, color: series(methodNames.indexOf(method)), dash: dashes[how] };
}
