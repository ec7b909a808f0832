// A multi-task method of your own: weights that make all gradients equally long.
import { createMultiTaskTrainer, gd, type MultiTaskMethod } from "isoloss";
import { twoTaskToy } from "isoloss/problems";

/** w_k = c / ||g_k||, with sum w = K. The state counts the steps. */
const equalLengths: MultiTaskMethod<number> = {
  name: "equal lengths",
  needs: "gramian",
  headGradient: "unweighted",
  init: () => 0,
  combine({ losses, gramian }, steps) {
    const inverse = losses.map((_, k) => 1 / Math.sqrt(gramian?.data[k * (losses.length + 1)] || 1));
    const mean = inverse.reduce((a, b) => a + b, 0) / inverse.length;
    return { weights: inverse.map((w) => w / mean), state: steps + 1 };
  },
};

const toy = twoTaskToy();
const trainer = await createMultiTaskTrainer({
  losses: toy.losses,
  params: toy.at([0, 5]),
  method: equalLengths,
  optimizer: gd(),
  learningRate: 0.05,
});
await trainer.run({ steps: 100 });
console.log(trainer.history.losses.every((curve) => curve.at(-1) !== curve[0]));
await trainer.dispose();
