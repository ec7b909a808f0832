import { describe } from "vitest";
import { expectDerivatives, taskCounts } from "./objective-support.js";

describe("the objective of COST", () => {
  expectDerivatives(taskCounts.slice(1));
});
