import { isNdArray, type NdArray } from "../../array.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { flatten, unflatten } from "../../tree.js";
import { kaimingNormal } from "../initializers.js";
import type { InitOptions } from "../model.js";

/** Parameters with all weights of convolutions drawn anew, in order of the tree: He's normal numbers for ReLU. */
export function redrawnConvs<P>(
  rng: Mt19937,
  params: P,
  options: InitOptions & { readonly mode: "fanIn" | "fanOut" },
): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const redrawn = leaves.map((leaf) =>
    leaf.shape.length === 4 ? kaimingNormal(rng, leaf.shape, options) : leaf,
  );
  return unflatten(def, redrawn) as P;
}
