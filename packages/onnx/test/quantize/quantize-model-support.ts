import { normal } from "isoloss-test-support/compress/quantize/support";

export const images = (count: number, seed = 0) => [{ x: normal(seed, [count, 3, 8, 8]) }];
