// Training on a stream beside training on arrays: what reading, shuffling and copying cost.
import { createTrainer, sgd } from "isoloss";
import { shuffled, streamOf } from "isoloss/data";
import { convnet } from "isoloss/nn";
import { labels, unit } from "../formula.mjs";

const rows = 12_000;

/** Steps of a trainer on images, an epoch at a time; microseconds of one. */
const training = (dataOf) => async (threads) => {
  const images = { inputs: unit([rows, 1, 28, 28], 1000), labels: labels([rows], 1001, 10) };
  const options = { model: convnet(), optimizer: sgd(), learningRate: 0.01, batchSize: 64, threads };
  const trainer = await createTrainer({ ...options, data: dataOf(images) });
  const { compileSeconds, runtime } = trainer.executable;
  return {
    compileSeconds,
    runtime,
    dispose: () => trainer.dispose(),
    async measure(seconds) {
      const begin = performance.now();
      let steps = 0;
      while (steps === 0 || performance.now() - begin < 1000 * seconds) {
        await trainer.run({ epochs: 1 });
        steps += trainer.stepsPerEpoch;
      }
      return { us: (1000 * (performance.now() - begin)) / steps };
    },
  };
};

export const streams = {
  "convnet-shuffled-stream": {
    make: training((images) => shuffled(streamOf(images), { buffer: rows / 4 })),
    base: { name: "the same on arrays", count: 1, make: training((images) => images) },
    reach: 1.05,
  },
};
