import { describe } from "vitest";
import { expectEveryOptimizer, stateModes } from "./minimize-support.js";

describe("minimize", () => {
  expectEveryOptimizer(stateModes.slice(1));
});
