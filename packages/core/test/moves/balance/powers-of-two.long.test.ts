import { describe } from "vitest";
import { expectSameBits, networkKinds } from "./powers-of-two-support.js";

describe("balanced in powers of 2", () => {
  expectSameBits(networkKinds.filter((kind) => kind !== "vectors"));
});
