import { balanced } from "isoloss/moves";
import { type Change, networkSymmetries } from "./network.js";

/** The same function with balanced weights. */
export const balance = (by: "norm" | "range"): Change => ({
  isMove: true,
  async apply(network, { data }) {
    const { found } = networkSymmetries(network, data);
    return { ...network, params: await balanced(network.params, found, { by }) };
  },
});
