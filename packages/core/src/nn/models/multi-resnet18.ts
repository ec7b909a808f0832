// K. He et al., CVPR 2016, with a hidden layer and a head for each task, as LibMTL (B. Lin, Y. Zhang, JMLR 24, 2023) has it for
// Office-31 and Office-Home.
import { full } from "../../array.js";
import { relu } from "../../graph/ops/activation.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { integerFrom, type OptionsOf, oneOf, optionTable, smoothing } from "../../options.js";
import { dropout } from "../dropout.js";
import { normal } from "../initializers.js";
import { type LinearParams, linear } from "../linear.js";
import { type InitOptions, type Output, resolveInit } from "../model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../norm.js";
import { headSizes, initLinearHeads, type MultiHeadParams, readLinearHeads } from "./multi-head.js";
import { type Resnet18State, type Resnet18TrunkParams, resnet18, resnet18Features } from "./resnet18.js";

export interface MultiResnet18Options extends OptionsOf<typeof multiResnet18Options> {}

const multiResnet18Options = optionTable("multiResnet18", {
  /** Classes of each task. */
  heads: headSizes("classes").required(),
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Channels of the first stage; default 64. */
  width: integerFrom(1).default(64),
  /** Units of the hidden layer; default 512. */
  hidden: integerFrom(1).default(512),
  /** Dropout rate behind it; default 0.5. */
  dropout: smoothing.default(0.5),
  /** As of `resnet18`: `imagenet` (default) or `cifar`. */
  stem: oneOf(["cifar", "imagenet"]).default("imagenet"),
});

/** What the tasks share. */
export interface MultiResnet18TrunkParams {
  /** Under torchvision's names. */
  readonly trunk: Resnet18TrunkParams;
  readonly hidden: { readonly linear: LinearParams; readonly norm: NormParams };
}

export interface MultiResnet18State {
  readonly trunk: Resnet18State;
  readonly hidden: BatchNormState;
}

type Params = MultiHeadParams<MultiResnet18TrunkParams, LinearParams>;

/** What the model needs besides parameters and images. */
interface Context {
  readonly state: TensorsOf<MultiResnet18State>;
  readonly training?: boolean | undefined;
  /** Seed of the step's dropout; needed in training. */
  readonly seed?: Tensor | undefined;
}

/** A classifier of several tasks, each with images of its own. */
export interface MultiResnet18 {
  init(rng: Mt19937, options?: InitOptions): { params: Params; state: MultiResnet18State };
  /** The representation of each task's images [batch, hidden], in the order of the heads. Traced. */
  trunk(
    shared: TensorsOf<MultiResnet18TrunkParams>,
    images: Readonly<Record<string, Tensor>>,
    context: Context,
  ): Output<MultiResnet18State, readonly Tensor[]>;
  /** Logits by task. Traced. */
  readOut(
    heads: TensorsOf<Params["heads"]>,
    representations: readonly Tensor[],
  ): Readonly<Record<string, Tensor>>;
  /** @param images of each task, [batch, inputs, height, width]. Traced. */
  apply(
    params: TensorsOf<Params>,
    images: Readonly<Record<string, Tensor>>,
    context: Context,
  ): Output<MultiResnet18State, Readonly<Record<string, Tensor>>>;
}

/**
 * ResNet-18 for several tasks with images of their own: one forward pass for each task.
 *
 * z = dropout(relu(batch norm(linear(means of the last stage)))), logits of task k = linear_k(z)
 *
 * Batch norms take the statistics of one task's images at a time; the running ones are updated by the tasks in turn. Weights of
 * the hidden layer start normal with deviation 0.005, its biases 0.1; the trunk starts as `resnet18`, and torchvision's weights
 * are put into it by {@link fromStateDict}.
 *
 * @throws OptionError
 *
 * @example
 * const model = multiResnet18({ heads: { amazon: 31, dslr: 31, webcam: 31 } });
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, images) => model.apply(p, images, { state: s }); // { output: { amazon, dslr, webcam }, state }
 */
export function multiResnet18(options: MultiResnet18Options): MultiResnet18 {
  const { heads, inputs, width, hidden, dropout: rate, stem } = multiResnet18Options.read(options);
  const tasks = Object.keys(heads);
  const trunkModel = resnet18({ inputs, width, stem, classes: 1 });
  return {
    init(rng, initOptions = {}) {
      const { dtype = "float32" } = resolveInit("multiResnet18", initOptions);
      const { params, state } = trunkModel.init(rng, { dtype });
      const { fc: _, ...trunk } = params;
      const norm = initBatchNorm(hidden, { dtype });
      const own = initLinearHeads(rng, hidden, heads, { dtype });
      return {
        params: {
          shared: {
            trunk,
            hidden: {
              linear: {
                weight: normal(rng, [hidden, 8 * width], { deviation: 0.005, dtype }),
                bias: full([hidden], 0.1, dtype),
              },
              norm: norm.params,
            },
          },
          heads: own,
        },
        state: { trunk: state, hidden: norm.state },
      };
    },
    trunk(shared, images, { state, training = false, seed }) {
      let next = state;
      const output = tasks.map((task, stream) => {
        const features = resnet18Features(shared.trunk, images[task], {
          state: next.trunk,
          training,
          stem,
        });
        const { linear: layer, norm } = shared.hidden;
        const normed = batchNorm(linear(features.output, layer), norm, next.hidden, { training });
        next = { trunk: features.state, hidden: normed.state };
        return dropout(relu(normed.output), { rate, stream, training, seed });
      });
      return { output, state: next };
    },
    readOut: (own, representations) => readLinearHeads(own, tasks, (k) => representations[k]),
    apply(params, images, context) {
      const { output, state } = this.trunk(params.shared, images, context);
      return { output: this.readOut(params.heads, output), state };
    },
  };
}
