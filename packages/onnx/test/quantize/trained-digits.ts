// A convolutional network trained on the embedded digits, as a file of any size of a batch.
import * as lib from "isoloss-test-support/library";

const { images, labels } = lib.digits();

const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** Images of some digits. */
export function digitImages(from: number, count: number): lib.NdArray {
  return { shape: [count, 1, 8, 8], data: lib.takeRows(images, rows(from, count)).data };
}

/** The digits that these are. */
export const digitLabels = (from: number, count: number): lib.NdArray =>
  lib.takeRows(labels, rows(from, count));

/** The share of digits that a batch of outputs has right. */
export function accuracyOf(output: lib.NdArray, digits: lib.NdArray): number {
  const [count, classes] = output.shape;
  const right = rows(0, count).filter((row) => {
    const own = Array.from(output.data.slice(row * classes, (row + 1) * classes), Number);
    return own.indexOf(Math.max(...own)) === Number(digits.data[row]);
  });
  return right.length / count;
}

interface TrainedOptions {
  /** Standard deviation of the logarithms by which units are scaled; the function stays the same. */
  readonly spread?: number;
}

/** Trains the network, and scales its units at random. */
export async function trainedDigits({ spread = 0 }: TrainedOptions = {}): Promise<Uint8Array> {
  const model = lib.convnet({ imageSize: [8, 8], stages: [[16, 16], [32]] });
  const trainer = await lib.createTrainer({
    model,
    data: { inputs: digitImages(0, 1200), labels: lib.takeRows(labels, rows(0, 1200)) },
    optimizer: lib.adam(),
    learningRate: 0.01,
    batchSize: 60,
  });
  await trainer.run({ steps: 160 });
  const { params } = trainer.current;
  await trainer.dispose();
  const loss: lib.BatchLoss<typeof params> = (p, { x }) => lib.sum(lib.square(model.apply(p, x).output));
  const { scaling, found } = lib.symmetriesOf(loss, params, { x: digitImages(0, 2) });
  const rng = lib.createRng(3);
  const T = found.scalings.map(({ size }) =>
    lib.ndarray(
      Float64Array.from({ length: size }, () => spread * rng.normal()),
      [size],
    ),
  );
  const moved = await scaling?.act(params, T, {});
  if (moved === undefined || lib.isRefusal(moved)) throw new Error("The network has no scalings.");
  const graphOf = (batch: number) =>
    lib.trace(({ p, x }) => ({ logits: model.apply(p, x).output }), {
      p: moved,
      x: lib.spec([batch, 1, 8, 8]),
    }).graph;
  return lib.toOnnx(graphOf, { constants: lib.namedArrays({ p: moved }) });
}
