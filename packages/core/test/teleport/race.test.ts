import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { createRace } from "../../src/teleport/race.js";
import { batchOf, numbersOf, productLoss, toy } from "./toy.js";

describe("createRace", () => {
  it("takes steps of gradient descent on the batch: (a, b) <- (a - 2 eta (ab)b, b - 2 eta (ab)a)", async () => {
    const race = await createRace(
      productLoss,
      toy(0, 0),
      batchOf(1, 0),
      "float64",
      { learningRate: 0.05, steps: 7 },
      {},
    );
    let [a, b] = [2, 1];
    for (let t = 0; t < 7; t++) [a, b] = [a - 0.1 * a * b * b, b - 0.1 * a * a * b];
    const params = toy(2, 1);
    const result = numbersOf(await race.run(params, batchOf(1, 0)));
    expect(result[0]).toBeCloseTo(a, 13);
    expect(result[1]).toBeCloseTo(b, 13);
    expect(numbersOf(params)).toEqual([2, 1]);
    await race.dispose();
  });

  it("takes ten steps unless told otherwise", async () => {
    const options = { learningRate: 0.05 };
    const [short, long] = await Promise.all(
      [options, { ...options, steps: 10 }].map((o) =>
        createRace(productLoss, toy(0, 0), batchOf(1, 0), "float64", o, {}),
      ),
    );
    const [x, y] = [await short.run(toy(2, 1), batchOf(1, 0)), await long.run(toy(2, 1), batchOf(1, 0))];
    expect(numbersOf(x)).toEqual(numbersOf(y));
  });

  it.each([
    { learningRate: 0 },
    { learningRate: Number.NaN },
    { learningRate: 0.1, steps: 0 },
    { learningRate: 0.1, steps: 1.5 },
  ])("refuses %j", async (options) => {
    const created = createRace(productLoss, toy(0, 0), batchOf(1, 0), "float64", options, {});
    await expect(created).rejects.toThrow(OptionError);
  });
});
