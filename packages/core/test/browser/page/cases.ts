import {
  array,
  type BatchTensors,
  type CompileOptions,
  compile,
  createTeleporter,
  createTrainer,
  crossEntropy,
  digits,
  flattenTree,
  grad,
  isNdArray,
  jit,
  type MlpParams,
  type Model,
  mapTree,
  mlp,
  type NdArray,
  positiveScaling,
  sgd,
  spec,
  type TeleportReport,
  type Tensor,
  type TensorsOf,
  takeRows,
  torchGenerator,
  trace,
  valueAndGrad,
} from "isoloss";
import { convnet } from "isoloss/nn";
import { add, mul, reshape, square, sub } from "isoloss/ops";
import { gradNormSq } from "isoloss/teleport";

export type Runtime = Pick<CompileOptions, "runtime" | "provider" | "threads" | "dtype">;

/** Named lists of numbers: plain data, which a page can hand to a test. */
export type Numbers = Record<string, number[]>;

const activation = { activation: "leakyRelu", slope: 0.1 } as const;
const network = mlp({ sizes: [64, 32, 10], ...activation });

/** Steps of gradient descent on (1 - x)^2 + 100 (y - x^2)^2 from (-1, -1), one loop inside the runtime. */
export async function rosenbrock({ steps, ...runtime }: Runtime & { steps: number }): Promise<Numbers> {
  const f = ({ x, y }: { x: Tensor; y: Tensor }) =>
    add(square(sub(1, x)), mul(100, square(sub(y, square(x)))));
  const step = (p: { x: Tensor; y: Tensor }) => {
    const [value, g] = valueAndGrad(f)(p);
    return { x: sub(p.x, mul(1e-3, g.x)), y: sub(p.y, mul(1e-3, g.y)), value };
  };
  const { graph } = trace(({ p }) => step(p), { p: { x: spec([], "float64"), y: spec([], "float64") } });
  const executable = await compile(graph, { ...runtime, scan: { carry: { x: "p.x", y: "p.y" } } });
  const results = await executable.run(
    { "p.x": array(-1, "float64"), "p.y": array(-1, "float64") },
    { steps },
  );
  await executable.dispose();
  return numbersOf(results);
}

/** Loss, gradient, a step along it, and the gradient of its squared norm, of a network on 32 digits. */
export async function derivatives(name: "mlp" | "convnet", runtime: Runtime): Promise<Numbers> {
  return name === "mlp"
    ? derivativesOf(network, [64], runtime)
    : derivativesOf(convnet({ imageSize: [8, 8], stages: [[4], [8]] }), [1, 8, 8], runtime);
}

async function derivativesOf<P>(model: Model<P>, shape: number[], runtime: Runtime): Promise<Numbers> {
  const { params } = model.init(torchGenerator(1));
  const { x, y } = someDigits(32);
  const loss = (p: TensorsOf<P>, { x: images, y: labels }: BatchTensors) =>
    crossEntropy(model.apply(p, reshape(images, [32, ...shape]), { state: {} }).output, labels);
  const f = (p: TensorsOf<P>, batch: BatchTensors) => {
    const [value, gradient] = valueAndGrad(loss)(p, batch);
    return {
      value,
      gradient,
      stepped: mapTree((w, g) => sub(w, mul(0.5, g)), p, gradient),
      gradientOfNorm: grad(gradNormSq(loss))(p, batch),
    };
  };
  const compiled = await jit(f, [params, { x, y }] as const, runtime);
  const results = await compiled(params as never, { x, y });
  await compiled.dispose();
  return numbersOf(results);
}

/** 100 steps on the digits, then a teleport from where they end. */
export async function trainAndTeleport(runtime: Runtime): Promise<{
  losses: readonly number[];
  accuracy: number;
  ranOn: string;
  report: TeleportReport;
}> {
  const { images, labels } = digits();
  const data = { inputs: images, labels };
  const trainer = await createTrainer({
    model: network,
    data,
    optimizer: sgd({ momentum: 0.9 }),
    learningRate: 0.1,
    batchSize: 64,
    ...runtime,
  });
  await trainer.run({ steps: 100 });
  const { accuracy = Number.NaN } = await trainer.evaluate(data);
  const { params } = trainer.current;
  const batch = someDigits(32);
  const loss = (p: TensorsOf<MlpParams>, { x, y }: BatchTensors) =>
    crossEntropy(network.apply(p, x).output, y);
  const symmetry = positiveScaling(params, activation);
  const teleporter = await createTeleporter({ symmetry, loss, params, batch, ...runtime });
  const { report } = await teleporter.teleport(params, batch);
  const ranOn = trainer.executable.runtime;
  await trainer.dispose();
  await teleporter.dispose();
  return { losses: trainer.history.loss, accuracy, ranOn, report };
}

function someDigits(count: number): { x: NdArray; y: NdArray } {
  const { images, labels } = digits();
  const rows = Array.from({ length: count }, (_, i) => i);
  return { x: takeRows(images, rows), y: takeRows(labels, rows) };
}

function numbersOf(tree: unknown): Numbers {
  const { leaves, paths } = flattenTree<NdArray>(tree, isNdArray);
  return Object.fromEntries(paths.map((path, i) => [path, Array.from(leaves[i].data, Number)]));
}
