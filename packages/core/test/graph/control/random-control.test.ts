import { describe } from "vitest";
import { depths, expectSameAsWrittenOut } from "./random-control-support.js";

describe("random programs with loops and branches", () => {
  expectSameAsWrittenOut(depths.slice(0, 1));
});
