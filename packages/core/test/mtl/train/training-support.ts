import type { NdArray } from "../../../src/array.js";
import { relu } from "../../../src/graph/ops/activation.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { alignedMtl } from "../../../src/mtl/methods/aligned-mtl.js";
import { autoLambda } from "../../../src/mtl/methods/auto-lambda.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { config } from "../../../src/mtl/methods/config.js";
import { constant } from "../../../src/mtl/methods/constant.js";
import { cosmos } from "../../../src/mtl/methods/cosmos.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { dibsMtl } from "../../../src/mtl/methods/dibs-mtl.js";
import { dualProj } from "../../../src/mtl/methods/dual-proj.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { forum } from "../../../src/mtl/methods/forum.js";
import { geometricLoss } from "../../../src/mtl/methods/geometric-loss.js";
import { go4Align } from "../../../src/mtl/methods/go4-align.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { gradNorm } from "../../../src/mtl/methods/grad-norm.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { igb } from "../../../src/mtl/methods/igb.js";
import { imGrad } from "../../../src/mtl/methods/im-grad.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../../src/mtl/methods/imtl-l.js";
import { krum } from "../../../src/mtl/methods/krum.js";
import { ldcMtl } from "../../../src/mtl/methods/ldc-mtl.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { moml } from "../../../src/mtl/methods/moml.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pbi } from "../../../src/mtl/methods/pbi.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import { pcd } from "../../../src/mtl/methods/pcd.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { scaleInvariant } from "../../../src/mtl/methods/scale-invariant.js";
import { sdmGrad } from "../../../src/mtl/methods/sdm-grad.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { trimmedMean } from "../../../src/mtl/methods/trimmed-mean.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { uwSo } from "../../../src/mtl/methods/uw-so.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer, type MultiTaskTrainerOptions } from "../../../src/mtl/train/trainer.js";
import { crMogm } from "../../../src/mtl/wrappers/cr-mogm.js";
import { everySteps } from "../../../src/mtl/wrappers/every-steps.js";
import { normalized } from "../../../src/mtl/wrappers/normalized.js";
import { dropout } from "../../../src/nn/dropout.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { adam } from "../../../src/optim/adam.js";
import { type NetParams, randomArray, randomNet, trunk } from "../gradients/networks.js";

/** Every method with its defaults, but for ConsMTL, which needs a representation. */
export const everyMethod: readonly MultiTaskMethod[] = [
  alignedMtl(),
  autoLambda(),
  caGrad(),
  config(),
  constant({ weights: [0.2, 0.3, 0.5] }),
  dbMtl(),
  dualProj(),
  dwa(),
  excessMtl(),
  fairGrad(),
  famo(),
  geometricLoss(),
  gradDrop(),
  gradNorm(),
  gradVac(),
  imtlG(),
  imtlHybrid(),
  imtlL(),
  linearScalarization(),
  mgda(),
  moco(),
  modo(),
  nashMtl(),
  pcGrad(),
  randomLossWeighting(),
  scaleInvariant(),
  sdmGrad(),
  stch(),
  uncertaintyWeighting(),
  upGrad(),
  cosmos(),
  dibsMtl(),
  dibsMtl({ steps: 5 }),
  go4Align(),
  igb(),
  imGrad(),
  ldcMtl(),
  krum({ byzantine: 0 }),
  pbi(),
  trimmedMean(),
  uwSo(),
  stch({ variant: "published" }),
  excessMtl({ warmupSteps: 2 }),
  moml(),
  forum({ innerRate: 0.05, innerSteps: 2 }),
  pcd(),
  crMogm(mgda()),
  crMogm(autoLambda()),
  everySteps(caGrad(), { steps: 2 }),
  normalized(fairGrad()),
  normalized(gradDrop()),
];

/** Three regressions on 20 examples by a small network with dropout in its last shared layer. */
export const net = randomNet({ sizes: [3, 6, 5], examples: 1 });

const examples = 20;
export const data: Readonly<Record<string, NdArray>> = {
  x: randomArray([examples, 3], 7),
  ...Object.fromEntries(net.tasks.map((name, k) => [name, randomArray([examples, 2], 8 + k)])),
};

export const losses: TaskLosses<NetParams> = ({ shared, heads }, batch, { training, seed }) => {
  const z = dropout(relu(trunk(shared, batch.x)), { rate: 0.2, stream: 0, training, seed });
  return net.tasks.map((name) => mseLoss(linear(z, heads[name]), batch[name]));
};

export const trainerFor = (
  method: MultiTaskMethod,
  options: Partial<MultiTaskTrainerOptions<NetParams>> = {},
) =>
  createMultiTaskTrainer({
    losses,
    params: net.params,
    data,
    method,
    optimizer: adam(),
    learningRate: 0.01,
    batchSize: 5,
    seed: 3,
    ...options,
  });
