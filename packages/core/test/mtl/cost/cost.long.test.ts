import { describe } from "vitest";
import { expectNoConflicts, taskCounts } from "./cost-support.js";

describe("a COST teleport", () => {
  expectNoConflicts(taskCounts.slice(1));
});
