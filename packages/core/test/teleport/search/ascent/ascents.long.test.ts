import { describe } from "vitest";
import { ascents } from "../recorded-walks.js";
import { expectAscents } from "./recorded-ascents.js";

describe("an ascent as one loop", () => {
  expectAscents(ascents);
});
