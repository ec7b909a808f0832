import { describe } from "vitest";
import { expectSameFunctions, networkKinds } from "./rotated-support.js";

describe("rotated", () => {
  expectSameFunctions(networkKinds.slice(0, 2));
});
