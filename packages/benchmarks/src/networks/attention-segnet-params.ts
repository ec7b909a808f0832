// Parameters and state of SegNet with attention networks.

import { type Mt19937, zeros } from "isoloss";
import type { ConvParams, Initial, InitOptions } from "isoloss/nn";
import { type BatchNormState, initBatchNorm, type NormParams, xavierNormal } from "isoloss/nn";

/** A convolution and its batch norm, in PyTorch's order of a Sequential. */
export type ConvBatchParams = readonly [ConvParams, NormParams];
/** The state of one, at the place of the norm. */
export type ConvBatchState = { readonly 1: BatchNormState };

/** Two convolutions 1x1, each with a batch norm. */
export type AttentionParams = readonly [ConvBatchParams, ConvBatchParams];
export type AttentionState = readonly [ConvBatchState, ConvBatchState];

interface Trees<Block, Attention> {
  readonly encoder_block: readonly Block[];
  readonly decoder_block: readonly Block[];
  readonly conv_block_enc: readonly (readonly Block[])[];
  readonly conv_block_dec: readonly (readonly Block[])[];
  /** With attention: of all tasks. */
  readonly encoder_block_att?: readonly Block[];
  readonly decoder_block_att?: readonly Block[];
  readonly attention?: Readonly<
    Record<string, { readonly encoder_att: readonly Attention[]; readonly decoder_att: readonly Attention[] }>
  >;
}

export interface AttentionSegnetParams {
  /** `attention.TASK` is shared in the repositories of FAMO, FairGrad and COST, and the task's own in those of CAGrad. */
  readonly shared: Trees<ConvBatchParams, AttentionParams>;
  /** Convolutions 3x3 and 1x1, with nothing between. */
  readonly heads: Readonly<Record<string, readonly [ConvParams, ConvParams]>>;
}

export type AttentionSegnetState = Trees<ConvBatchState, AttentionState>;

/** The sizes of the network. */
interface Sizes {
  readonly heads: Readonly<Record<string, number>>;
  readonly inputs: number;
  readonly channels: readonly number[];
  readonly attention: boolean;
}

/** Weights normal with variance 2 / (fanIn + fanOut), biases 0, norms of scale 1. */
export function initialAttentionSegnet(
  rng: Mt19937,
  { heads, inputs, channels: F, attention }: Sizes,
  { dtype = "float32" }: InitOptions,
): Initial<AttentionSegnetParams, AttentionSegnetState> {
  const conv = (from: number, to: number, kernel: number): ConvParams => ({
    weight: xavierNormal(rng, [to, from, kernel, kernel], { dtype }),
    bias: zeros([to], dtype),
  });
  /** The channels of the stage before; of the first one its own. */
  const less = (i: number) => F[Math.max(i - 1, 0)];
  const more = (i: number) => F[Math.min(i + 1, F.length - 1)];
  const stages = <T>(make: (i: number) => T): T[] => F.map((_, i) => make(i));
  type Both<P, S> = readonly [P, S];
  const cl = (from: number, to: number, kernel = 3): Both<ConvBatchParams, ConvBatchState> => {
    const { params, state } = initBatchNorm(to, { dtype });
    return [[conv(from, to, kernel), params], { 1: state }];
  };
  const att = (from: number, between: number, to: number): Both<AttentionParams, AttentionState> => {
    const [[p1, s1], [p2, s2]] = [cl(from, between, 1), cl(between, to, 1)];
    return [
      [p1, p2],
      [s1, s2],
    ];
  };
  const split = <P, S>(made: readonly Both<P, S>[]): Both<P[], S[]> => [
    made.map(([p]) => p),
    made.map(([, s]) => s),
  ];
  const nested = <P, S>(made: readonly Both<P[], S[]>[]): Both<P[][], S[][]> => split(made);
  /** The first two stages have one convolution here, the others two. */
  const several = (width: number, i: number) =>
    split(Array.from({ length: i < 2 ? 1 : 2 }, () => cl(width, width)));

  const [encoder_block, encoderState] = split(stages((i) => cl(i === 0 ? inputs : F[i - 1], F[i])));
  const [decoder_block, decoderState] = split(stages((i) => cl(F[i], less(i))));
  const [conv_block_enc, encState] = nested(stages((i) => several(F[i], i)));
  const [conv_block_dec, decState] = nested(stages((i) => several(less(i), i)));
  const trunk = { encoder_block, decoder_block, conv_block_enc, conv_block_dec };
  const trunkState = {
    encoder_block: encoderState,
    decoder_block: decoderState,
    conv_block_enc: encState,
    conv_block_dec: decState,
  };
  const headsOf = () =>
    Object.fromEntries(
      Object.entries(heads).map(
        ([name, outputs]) => [name, [conv(F[0], F[0], 3), conv(F[0], outputs, 1)]] as const,
      ),
    );
  if (!attention) return { params: { shared: trunk, heads: headsOf() }, state: trunkState };

  const masks = Object.keys(heads).map((name) => {
    const [encoder_att, encoder] = split(stages((i) => att(i === 0 ? F[0] : 2 * F[i], F[i], F[i])));
    const [decoder_att, decoder] = split(stages((i) => att(F[i] + less(i), less(i), less(i))));
    return [name, { encoder_att, decoder_att }, { encoder_att: encoder, decoder_att: decoder }] as const;
  });
  const [encoder_block_att, encoderAttState] = split(stages((i) => cl(F[i], more(i))));
  const [decoder_block_att, decoderAttState] = split(stages((i) => cl(F[i], less(i))));
  return {
    params: {
      shared: {
        ...trunk,
        encoder_block_att,
        decoder_block_att,
        attention: Object.fromEntries(masks.map(([name, own]) => [name, own])),
      },
      heads: headsOf(),
    },
    state: {
      ...trunkState,
      encoder_block_att: encoderAttState,
      decoder_block_att: decoderAttState,
      attention: Object.fromEntries(masks.map(([name, , own]) => [name, own])),
    },
  };
}
