import { describe } from "vitest";
import { cases, expectSameWalks } from "./compiled-walk-support.js";

describe("a walk on a level set as one program", () => {
  expectSameWalks(cases.slice(5));
});
