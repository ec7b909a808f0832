// A loss of your own on data of your own. The batch's type is inferred: a key that it lacks does not compile.
import {
  adam,
  array,
  atSteps,
  DTypeError,
  minimize,
  type NdArray,
  symmetriesOf,
  type TensorsOf,
  teleport,
} from "isoloss";
import { matmul, mean, relu, square, sub } from "isoloss/ops";
import { diagnose } from "isoloss/teleport";

interface Weights {
  readonly a: NdArray;
  readonly b: NdArray;
}

const start: Weights = {
  a: array([
    [1, -2, 3],
    [0.5, 1, -1],
  ]),
  b: array([[1], [2], [-1]]),
};
const batch = {
  x: array([
    [1, 2],
    [3, 1],
  ]),
  y: array([[1], [0]]),
};

const loss = ({ a, b }: TensorsOf<Weights>, { x, y }: TensorsOf<typeof batch>) =>
  mean(square(sub(matmul(relu(matmul(x, a)), b), y)));

try {
  // @ts-expect-error the batch has no y
  symmetriesOf(loss, start, { x: batch.x });
} catch (error) {
  console.log(error instanceof DTypeError);
}

const { scaling: symmetry } = symmetriesOf(loss, start, batch);

/** Undefined is the same as left out. */
async function lossAfter(steps: number, isTeleporting: boolean): Promise<number | undefined> {
  const { loss: losses } = await minimize(
    { loss, start, batch },
    {
      optimizer: adam(),
      learningRate: 0.05,
      steps,
      teleport: isTeleporting && symmetry ? { when: atSteps([2]), symmetry } : undefined,
    },
  );
  return losses.at(-1);
}

const [plain = Number.NaN, teleported = Number.NaN] = [await lossAfter(20, false), await lossAfter(20, true)];
console.log(plain < 1, teleported < 1);

if (symmetry) {
  const { report } = await teleport({ symmetry, loss, params: start, batch, objective: undefined });
  console.log(report.accepted);
}
const { gradNormSq } = await diagnose({ loss, params: start, batch, symmetry });
console.log(gradNormSq > 0);
