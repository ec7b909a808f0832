import { expect, it } from "vitest";
import { diagnose } from "./diagnose.js";

const one = `
import { createTrainer, digits, mlp, sgd } from "isoloss";
const { images: inputs, labels } = digits();
const model = mlp({ sizes: [64, 10] });
const data = { inputs, labels };
await createTrainer(`;
const several = `
import { createMultiTaskTrainer, sgd, zeros } from "isoloss";
import { sum } from "isoloss/ops";
import { fairGrad } from "isoloss/mtl";
const params = { w: zeros([2]) };
const data = { x: zeros([4, 2]) };
const method = fairGrad();
await createMultiTaskTrainer(`;

it("makes the error of a misspelled option that is required name it", () => {
  const errors = diagnose([
    { at: "trainer", code: `${one}{ model, data, optimiser: sgd(), learningRate: 0.1 });` },
    { at: "trainer", code: `${one}{ model, data, optimizer: sgd(), learningrate: 0.1 });` },
    {
      at: "tasks",
      code: `${several}{ losses: (p, { x }) => [sum(p.w), sum(x)], params, data, method, optimiser: sgd(), learningRate: 0.1 });`,
    },
  ]);
  const named = (at: string, wrong: string, right: string) =>
    expect.stringMatching(
      new RegExp(
        `^${at}: Object literal may only specify known properties, but '${wrong}' .* write '${right}'`,
      ),
    );
  expect(errors).toEqual([
    named("trainer", "optimiser", "optimizer"),
    named("trainer", "learningrate", "learningRate"),
    named("tasks", "optimiser", "optimizer"),
  ]);
});
