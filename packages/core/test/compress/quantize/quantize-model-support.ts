import { normal } from "./support.js";

export const images = (count: number, seed = 0) => [{ x: normal(seed, [count, 3, 8, 8]) }];
