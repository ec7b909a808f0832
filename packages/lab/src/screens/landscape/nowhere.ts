// Why an own function has no levels to draw.
import { isDrawable } from "isoloss-figures/base";
import { valueAt } from "../../formula/fold.js";
import { parseFormula } from "../../formula/parse.js";
import type { FunctionSettings } from "./state.js";

/**
 * In the words of the page which formulas have no finite square at any of the points.
 *
 * @param xy points (x, y), one after another, where the sum of the squares is nowhere finite
 */
export function nowhereFinite({ r1, r2 }: Pick<FunctionSettings, "r1" | "r2">, xy: Float64Array): string {
  const isNowhere = (text: string) => {
    const formula = parseFormula(text);
    for (let k = 0; k < xy.length; k += 2) {
      if (isDrawable(valueAt(formula, xy[k], xy[k + 1]) ** 2, false)) return false;
    }
    return true;
  };
  const [first, second] = [isNowhere(r1), isNowhere(r2)];
  const [which, change] =
    first && second
      ? [`Neither the square of r₁ = ${r1} nor that of r₂ = ${r2} is`, "r₁ and r₂"]
      : first
        ? [`The square of r₁ = ${r1} is not`, "r₁"]
        : second
          ? [`The square of r₂ = ${r2} is not`, "r₂"]
          : [
              `Where one of r₁ = ${r1} and r₂ = ${r2} is finite, the other is not: their squares have no sum`,
              "one of them",
            ];
  const where = first || second ? " finite anywhere in view" : " in view";
  return `There are no levels to draw. ${which}${where}. Change ${change}, or the half width of the plane.`;
}
