import { describe } from "vitest";
import { expectGramian, slow } from "./layers-support.js";

describe("the Gramian by layers", () => {
  expectGramian(slow);
});
