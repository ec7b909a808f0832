import type { Operator } from "../../call.js";
import { colToIm } from "./col2im.js";
import { conv, convTranspose } from "./conv.js";
import { deformConv } from "./deform-conv.js";
import { pooling } from "./pool.js";

export const windows: Readonly<Record<string, Operator>> = {
  Col2Im: colToIm,
  Conv: conv,
  ConvTranspose: convTranspose,
  DeformConv: deformConv,
  ...pooling,
};
