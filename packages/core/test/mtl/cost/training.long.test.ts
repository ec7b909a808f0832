import { describe } from "vitest";
import { expectWrapped, methods } from "./training-support.js";

describe("COST in a training", () => {
  expectWrapped(methods.slice(1));
});
