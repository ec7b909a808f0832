import { describe } from "vitest";
import { expectPromises, slow } from "./examples-support.js";

describe("the examples that take long", () => {
  expectPromises(slow);
});
