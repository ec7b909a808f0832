import { describe } from "vitest";
import { expectSameFunctions, networkKinds } from "./centered-support.js";

describe("centered", () => {
  expectSameFunctions(networkKinds.slice(1));
});
