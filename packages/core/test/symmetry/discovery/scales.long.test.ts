import { describe } from "vitest";
import { expectFactors, networkKinds } from "./scales-support.js";

describe("scalesOf", () => {
  expectFactors(networkKinds.slice(1));
});
