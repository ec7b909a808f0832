import { it } from "vitest";
import { sgd } from "../../src/optim/sgd.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { createTrainer } from "../../src/train/trainer.js";
import { batchNormNet, elements, someDigits } from "./support.js";
const data = someDigits(0, 120);
for (const [name, model] of [["bn", batchNormNet(8, 0)], ["bn drop", batchNormNet(8, 0.2)], ["mlp", mlp({ sizes: [64, 8, 10] })], ["mlp drop", mlp({ sizes: [64, 8, 10], dropout: 0.2 })]] as const)
it(name, async () => {
  const t = await Promise.all((["javascript", "onnx"] as const).map((runtime) => createTrainer({ model: model as never, data, optimizer: sgd(), learningRate: 0.1, batchSize: 32, dtype: "float64", runtime })));
  for (const n of [1, 1, 1, 7]) {
    for (const x of t) await x.run({ steps: n });
    const [a, b] = t.map((x) => elements(x.current as never));
    console.log(name, t[0].current.step, t.map((x) => x.history.loss.at(-1)), Object.fromEntries(Object.keys(a).map((k) => [k, Math.max(...a[k].map((v, i) => Math.abs(v - b[k][i])))])));
  }
});
