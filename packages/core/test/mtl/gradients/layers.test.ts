import { describe } from "vitest";
import { expectGramian, layerNames, slow } from "./layers-support.js";

describe("the Gramian by layers", () => {
  expectGramian(layerNames.filter((name) => !slow.includes(name)));
});
