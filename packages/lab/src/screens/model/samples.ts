// Models to begin with, made in the worker: the page loads no file.
import { namedArrays, type StatelessModel, spec, toOnnx, torchGenerator, trace } from "isoloss";
import { convnet, mlp, patchTransformer } from "isoloss/nn";
import type { SampleName } from "./state.js";

interface Sample {
  readonly model: StatelessModel<never>;
  /** Shape of one example. */
  readonly input: readonly number[];
}

const sample = (model: unknown, input: readonly number[]): Sample => ({
  model: model as Sample["model"],
  input,
});

const all: Readonly<Record<SampleName, () => Sample>> = {
  mlp: () => sample(mlp({ sizes: [8, 16, 4], activation: "leakyRelu", slope: 0.1 }), [8]),
  convnet: () => sample(convnet({ imageSize: [8, 8], stages: [[8], [16]] }), [1, 8, 8]),
  attention: () =>
    sample(
      patchTransformer({ imageSize: [4, 4], patch: 2, width: 8, heads: 2, depth: 1, activation: "gelu" }),
      [1, 4, 4],
    ),
};

/** Examples in a batch of what is not computed row by row. */
const examples = 4;

/** The bytes of a sample's `.onnx` file. The perceptron takes any number of examples. */
export function sampleFile(name: SampleName): Uint8Array {
  const { model, input } = all[name]();
  const { params } = model.init(torchGenerator(0));
  const graphOf = (batch: number) =>
    trace(({ x, ...p }) => ({ y: model.apply(p as never, x).output }), {
      x: spec([batch, ...input]),
      ...(params as object),
    }).graph;
  return toOnnx(name === "mlp" ? graphOf : graphOf(examples), { constants: namedArrays(params) });
}
