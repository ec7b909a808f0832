import type { Operator } from "../../call.js";
import { conv, convTranspose } from "./conv.js";
import { pooling } from "./pool.js";

export const windows: Readonly<Record<string, Operator>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  ...pooling,
};
