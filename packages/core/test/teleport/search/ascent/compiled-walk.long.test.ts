import { describe } from "vitest";
import { ascents, ascentsOf, expectSameWalks, expectSameWalksOf } from "./compiled-walk-support.js";

describe("an ascent as one loop", () => {
  expectSameWalks(ascents.slice(3));

  expectSameWalksOf(ascentsOf.slice(1));
});
