import { isNdArray, type NdArray } from "../../../src/array.js";
import { flatten } from "../../../src/tree.js";

export const leavesOf = (tree: unknown) => flatten<NdArray>(tree, isNdArray);
