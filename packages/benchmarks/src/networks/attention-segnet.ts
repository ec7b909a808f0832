// S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, section 4.1: SegNet with an
// attention network for each task, as in the repositories of FAMO, FairGrad and COST.

import { ShapeError, type Tensor, type TensorsOf } from "isoloss";
import {
  flag,
  formatShape,
  headSizes,
  integerFrom,
  listOf,
  type OptionsOf,
  optionTable,
  resolveInit,
} from "isoloss/internal";
import { batchNorm, convLayer, type StatefulMultiHeadModel, upsample2d } from "isoloss/nn";
import { concat, maxPool2d, maxPoolIndices2d, maxUnpool2d, mul, relu, sigmoid } from "isoloss/ops";
import {
  type AttentionParams,
  type AttentionSegnetParams,
  type AttentionSegnetState,
  type AttentionState,
  type ConvBatchParams,
  type ConvBatchState,
  initialAttentionSegnet,
} from "./attention-segnet-params.js";

export interface AttentionSegnetOptions extends OptionsOf<typeof attentionSegnetOptions> {}

const attentionSegnetOptions = optionTable("attentionSegnet", {
  /** Channels of each task's output: those of CityScapes are `{ semantic: 7, depth: 1 }`. */
  heads: headSizes("output channels").required(),
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Channels of the stages, two or more; default [64, 128, 256, 512, 512]. */
  channels: listOf(integerFrom(1), { least: 2 }).default([64, 128, 256, 512, 512]),
  /** Whether each task has an attention network (MTAN), or only a head (split); default true. */
  attention: flag.default(true),
});

/**
 * SegNet for several tasks of each pixel, with attention networks (MTAN) or without (split).
 *
 * cl: convolution 3x3, batch norm, ReLU. Encoder stage i: u_i = cl, p_i = one or two cl, max-pooling 2 with its indices. Decoder
 * stage, last first: max-unpooling, cl, one or two cl: d_i. For each task masks att = sigmoid of two convolutions 1x1 on u_i (or what is unpooled)
 * beside what the task has, times p_i (or d_i); then a cl that the tasks share, and pooling (or bilinear doubling before). Head:
 * convolution 3x3, convolution 1x1. All convolutions have biases. With the default channels the split network has 24,943,296
 * shared parameters, MTAN with two tasks 41,132,608.
 *
 * Images [batch, inputs, height, width], with sides that 2^stages divides. The output is by task, [batch, channels, height, width]:
 * logits; softmax and normalization are the losses'. Initial weights are normal with variance 2 / (fanIn + fanOut), biases 0.
 *
 * @throws OptionError; ShapeError for other images
 *
 * @example
 * const model = attentionSegnet({ heads: { semantic: 7, depth: 1 } });
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, x) => model.apply(p, x, { state: s, training: true }); // { output: { semantic, depth }, state }
 */
export function attentionSegnet(
  options: AttentionSegnetOptions,
): StatefulMultiHeadModel<AttentionSegnetParams, AttentionSegnetState> {
  const { heads, inputs, channels, attention } = attentionSegnetOptions.read(options);
  const tasks = Object.keys(heads);
  const divisor = 2 ** channels.length;
  return {
    init(rng, initOptions = {}) {
      return initialAttentionSegnet(
        rng,
        { heads, inputs, channels, attention },
        resolveInit("attentionSegnet", initOptions),
      );
    },
    trunk(shared, x, { state, training = false }) {
      const [height, width] = x.shape.slice(-2);
      if (x.rank !== 4 || height % divisor !== 0 || width % divisor !== 0) {
        throw new ShapeError(
          `attentionSegnet takes [batch, ${inputs}, height, width] with sides that ${divisor} divides; got ${formatShape(x.shape)}.`,
        );
      }
      const trunk = trunkOf(shared, state, x, training);
      if (!attention) return { output: [trunk.stages[0].decoded], state: trunk.state };
      const features: Tensor[] = [];
      const attended: [string, NonNullable<TensorsOf<AttentionSegnetState>["attention"]>[string]][] = [];
      let next = trunk.state;
      for (const name of tasks) {
        // The layers that the tasks share see one task after the other, each with its own batch statistics.
        const { output, ...result } = attendedBy(name, shared, next, trunk.stages, training);
        features.push(output);
        next = { ...next, ...result.shared };
        attended.push([name, result.own]);
      }
      return { output: features, state: { ...next, attention: Object.fromEntries(attended) } };
    },
    readOut(own, features) {
      const outputs = tasks.map((name, k) => {
        const [first, second] = own[name];
        return [name, convLayer(convLayer(features[attention ? k : 0], first, { padding: 1 }), second)];
      });
      return Object.fromEntries(outputs);
    },
    apply({ shared, heads: own }, x, context) {
      const { output, state } = this.trunk(shared, x, context);
      return { output: this.readOut(own, output), state };
    },
  };
}

type Tensors<T> = TensorsOf<T>;
type State = Tensors<AttentionSegnetState>;

/** What the tasks' networks take from a stage of the trunk. */
interface Stage {
  /** u_i and p_i, before pooling. */
  readonly first: Tensor;
  readonly encoded: Tensor;
  /** What is unpooled, and d_i. */
  readonly unpooled: Tensor;
  readonly decoded: Tensor;
}

function trunkOf(
  params: Tensors<AttentionSegnetParams["shared"]>,
  state: State,
  x: Tensor,
  training: boolean,
): { readonly stages: readonly Stage[]; readonly state: State } {
  const count = params.encoder_block.length;
  const seen: { first: Tensor; encoded: Tensor; indices: Tensor }[] = [];
  const down: Pick<Mutable<State>, "encoder_block" | "conv_block_enc"> = {
    encoder_block: [],
    conv_block_enc: [],
  };
  let h = x;
  for (let i = 0; i < count; i++) {
    const first = block(h, params.encoder_block[i], state.encoder_block[i], training);
    const encoded = blocks(first.output, params.conv_block_enc[i], state.conv_block_enc[i], training);
    seen.push({
      first: first.output,
      encoded: encoded.output,
      indices: maxPoolIndices2d(encoded.output, { kernel: 2 }),
    });
    h = maxPool2d(encoded.output, { kernel: 2 });
    down.encoder_block.push(first.state);
    down.conv_block_enc.push(encoded.state);
  }
  const stages: Stage[] = [];
  const up: Pick<Mutable<State>, "decoder_block" | "conv_block_dec"> = {
    decoder_block: [],
    conv_block_dec: [],
  };
  for (let i = count - 1; i >= 0; i--) {
    const { encoded, indices, first } = seen[i];
    const unpooled = maxUnpool2d(h, indices, encoded.shape);
    const narrowed = block(unpooled, params.decoder_block[i], state.decoder_block[i], training);
    const decoded = blocks(narrowed.output, params.conv_block_dec[i], state.conv_block_dec[i], training);
    h = decoded.output;
    stages.unshift({ first, encoded, unpooled, decoded: h });
    up.decoder_block.unshift(narrowed.state);
    up.conv_block_dec.unshift(decoded.state);
  }
  return { stages, state: { ...state, ...down, ...up } };
}

/** A task's features, the new state of its own masks, and of the layers that the tasks share. */
function attendedBy(
  task: string,
  params: Tensors<AttentionSegnetParams["shared"]>,
  state: State,
  stages: readonly Stage[],
  training: boolean,
) {
  const { encoder_block_att, decoder_block_att, attention } = params as Required<typeof params>;
  const from = state as Required<State>;
  const [masks, before] = [attention[task], from.attention[task]];
  const own: Mutable<typeof before> = { encoder_att: [], decoder_att: [] };
  const shared: Pick<Mutable<Required<State>>, "encoder_block_att" | "decoder_block_att"> = {
    encoder_block_att: [],
    decoder_block_att: [],
  };
  let h: Tensor | undefined;
  stages.forEach(({ first, encoded }, i) => {
    const seen = h ? concat([first, h], { axis: 1 }) : first;
    const mask = attend(seen, masks.encoder_att[i], before.encoder_att[i], training);
    const passed = block(
      mul(mask.output, encoded),
      encoder_block_att[i],
      from.encoder_block_att[i],
      training,
    );
    h = maxPool2d(passed.output, { kernel: 2 });
    own.encoder_att.push(mask.state);
    shared.encoder_block_att.push(passed.state);
  });
  for (let i = stages.length - 1; i >= 0; i--) {
    const { unpooled, decoded } = stages[i];
    const widened = block(upsample2d(h as Tensor), decoder_block_att[i], from.decoder_block_att[i], training);
    const seen = concat([unpooled, widened.output], { axis: 1 });
    const mask = attend(seen, masks.decoder_att[i], before.decoder_att[i], training);
    h = mul(mask.output, decoded);
    own.decoder_att.unshift(mask.state);
    shared.decoder_block_att.unshift(widened.state);
  }
  return { output: h as Tensor, own, shared };
}

/** Lists of a state under construction. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer V)[] | undefined ? V[] : T[K] };

interface Result<S> {
  readonly output: Tensor;
  readonly state: S;
}

/** A convolution with its norm; then ReLU. */
function block(
  x: Tensor,
  [conv, norm]: Tensors<ConvBatchParams>,
  state: Tensors<ConvBatchState>,
  training: boolean,
): Result<Tensors<ConvBatchState>> {
  const result = batchNorm(convLayer(x, conv, { padding: 1 }), norm, state[1], { training });
  return { output: relu(result.output), state: { 1: result.state } };
}

function blocks(
  x: Tensor,
  params: readonly Tensors<ConvBatchParams>[],
  state: readonly Tensors<ConvBatchState>[],
  training: boolean,
): Result<Tensors<ConvBatchState>[]> {
  let h = x;
  const next = params.map((one, k) => {
    const result = block(h, one, state[k], training);
    h = result.output;
    return result.state;
  });
  return { output: h, state: next };
}

/** A mask in (0, 1) for each channel and pixel. */
function attend(
  x: Tensor,
  [[conv1, norm1], [conv2, norm2]]: Tensors<AttentionParams>,
  state: Tensors<AttentionState>,
  training: boolean,
): Result<Tensors<AttentionState>> {
  const first = batchNorm(convLayer(x, conv1), norm1, state[0][1], { training });
  const second = batchNorm(convLayer(relu(first.output), conv2), norm2, state[1][1], { training });
  return { output: sigmoid(second.output), state: [{ 1: first.state }, { 1: second.state }] };
}
