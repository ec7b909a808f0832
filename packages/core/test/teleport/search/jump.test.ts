import { describe, expect, it } from "vitest";
import { startNotFinite } from "../../../src/teleport/guard.js";
import { ownMove } from "../../../src/teleport/search/jump.js";
import { batchOf, productLoss, type Toy, toy } from "../toy.js";
import { teleportBy } from "./support.js";

const batch = batchOf(1, 3);
const at = (params: Toy) => ({ loss: productLoss, params, batch });

describe("ownMove", () => {
  it("is not made at a start whose loss is not finite", async () => {
    let calls = 0;
    const search = ownMove<Toy>("failing", () => {
      calls++;
      throw new Error("no move from here");
    });
    const { report } = await teleportBy(search, at(toy(Number.NaN, 1)));
    expect(report).toMatchObject({ accepted: false, reason: startNotFinite, steps: 0, halvings: 0 });
    expect(calls).toBe(0);
    await expect(teleportBy(search, at(toy(2, 1)))).rejects.toThrow("no move from here");
  });

  it("says why it refused, as one refused candidate", async () => {
    const search = ownMove<Toy>("refusing", () => ({ refused: "not today" }));
    const { report } = await teleportBy(search, at(toy(2, 1)));
    expect(report).toMatchObject({ accepted: false, reason: "not today", steps: 0, halvings: 1 });
  });
});
