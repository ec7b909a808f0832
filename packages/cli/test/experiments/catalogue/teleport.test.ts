import { gd } from "isoloss";
import { describe, expect, it } from "vitest";
import { costSchema } from "../../../src/experiments/catalogue/cost.js";
import { makeTeleportPlan, teleportSchema } from "../../../src/experiments/catalogue/teleport.js";

describe("allowInexact of a teleport in YAML", () => {
  it("is handed on to the plan, and left out where it is not given", () => {
    const context = { seed: 0, optimizer: gd(), learningRate: 0.1 };
    const config = { when: { atSteps: [1] }, search: "levelSet" };
    const planOf = (given: object) =>
      makeTeleportPlan(teleportSchema.parse({ ...config, ...given }), context);
    expect(planOf({ allowInexact: true })).toMatchObject({ allowInexact: true });
    expect(planOf({}).allowInexact).toBeUndefined();
    expect(teleportSchema.safeParse({ ...config, allowInexact: 1 }).success).toBe(false);
  });

  it("is an option of COST's moves along a symmetry", () => {
    const move = { symmetry: "scaling", allowInexact: true };
    expect(costSchema.parse({ move })).toEqual({ move });
  });
});
