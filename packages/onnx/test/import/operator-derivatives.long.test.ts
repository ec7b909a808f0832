import { describe } from "vitest";
import { expectDifferenceQuotients, rows } from "./operator-derivatives-support.js";

describe("the derivatives are those of difference quotients:", () => {
  expectDifferenceQuotients(rows.filter(([, k]) => k > 1));
});
