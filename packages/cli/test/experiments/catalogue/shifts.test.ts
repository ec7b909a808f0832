import { array } from "isoloss";
import { describe, expect, it } from "vitest";
import { makeShift } from "../../../src/experiments/catalogue/shifts.js";

const labels = { shape: [2], data: BigInt64Array.of(0n, 1n) };
const data = {
  image: [1, 2, 2] as const,
  train: {
    inputs: array([
      [0, 0.25, 0.5, 1],
      [1, 0, 0, 0],
    ]),
    labels,
  },
};

const shifted = (name: string) => {
  const { inputs, labels: named } = makeShift({ name })(data).train;
  return {
    inputs: Array.from(inputs.data as Float32Array),
    labels: Array.from(named.data as BigInt64Array, Number),
  };
};

describe("shifts of data", () => {
  it("turn images clockwise, by hand", () => {
    // 0   .25      .5  0
    // .5  1    ->  1   .25
    expect(shifted("turned")).toEqual({ inputs: [0.5, 0, 1, 0.25, 0, 1, 0, 0], labels: [0, 1] });
  });

  it("invert images, and rename classes in a circle", () => {
    expect(shifted("inverted")).toEqual({ inputs: [1, 0.75, 0.5, 0, 0, 1, 1, 1], labels: [0, 1] });
    expect(shifted("relabeled")).toEqual({ inputs: [0, 0.25, 0.5, 1, 1, 0, 0, 0], labels: [1, 0] });
  });

  it("say what they need", () => {
    const table = { train: { inputs: array([[1], [2]]), labels: array([[1], [2]]) } };
    expect(() => makeShift({ name: "turned" })(table)).toThrow(/The shift turned takes images/);
    expect(() => makeShift({ name: "relabeled" })(table)).toThrow(
      /is of classes, and the labels are numbers/,
    );
  });
});
