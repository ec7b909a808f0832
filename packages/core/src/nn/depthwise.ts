// A. G. Howard et al., "MobileNets", arXiv 1704.04861, section 3.1 (separable);
// M. Sandler et al., "MobileNetV2", CVPR 2018, section 3.3 (inverted residual).
import { describeValue, OptionError } from "../errors.js";
import { add } from "../graph/ops/arithmetic.js";
import { sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import {
  type BlockOptions,
  type Carried,
  type ConvNormKind,
  type ConvNormParams,
  type ConvNormState,
  convNorm,
  type Initial,
  initConvNorm,
} from "./conv-norm.js";
import type { InitOptions } from "./model.js";

/** A convolution of each channel by itself, then one of 1 x 1 over channels. */
export interface DepthwiseSeparableParams {
  readonly depthwise: ConvNormParams;
  readonly pointwise: ConvNormParams;
}

export interface DepthwiseSeparableState {
  readonly depthwise: ConvNormState;
  readonly pointwise: ConvNormState;
}

export interface InitDepthwiseOptions extends InitOptions {
  /** Default `batch`. */
  readonly norm?: ConvNormKind | undefined;
}

/** Parameters and state of {@link depthwiseSeparable}: kernels of 3 x 3 and 1 x 1. */
export function initDepthwiseSeparable(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  options: InitDepthwiseOptions = {},
): Initial<DepthwiseSeparableParams, DepthwiseSeparableState> {
  requireKnown(
    "initDepthwiseSeparable",
    options,
    ["norm", "dtype"],
    'initDepthwiseSeparable(rng, 16, 32, { norm: "none" })',
  );
  const depthwise = initConvNorm(rng, inputs, inputs, 3, { ...options, groups: inputs });
  const pointwise = initConvNorm(rng, inputs, outputs, 1, options);
  return {
    params: { depthwise: depthwise.params, pointwise: pointwise.params },
    state: { depthwise: depthwise.state, pointwise: pointwise.state },
  };
}

const blockOptions = ["stride", "activation", "training"] as const;

/**
 * Depthwise-separable convolution: s(N(P * s(N(D * x)))) with D a kernel for each channel, P of 1 x 1, N batch norm (if the
 * parameters have it) and s the activation.
 *
 * @param x images [batch, in, height, width]
 * @param options `stride` of the depthwise convolution
 *
 * @example
 * const { params, state } = initDepthwiseSeparable(torchGenerator(0), 16, 32);
 * const f = (p, s, x) => depthwiseSeparable(x, p, s, { stride: 2 }).output;
 * trace(f, [params, state, spec([1, 16, 8, 8])]).graph.outputs[0].tensor.shape; // [1, 32, 4, 4]
 */
export function depthwiseSeparable(
  x: Tensor,
  params: TensorsOf<DepthwiseSeparableParams>,
  state: TensorsOf<DepthwiseSeparableState>,
  options: BlockOptions = {},
): Carried<DepthwiseSeparableState> {
  requireKnown(
    "depthwiseSeparable",
    options,
    blockOptions,
    "depthwiseSeparable(x, params, state, { stride: 2 })",
  );
  const { stride, ...rest } = options;
  const inner = convNorm(x, params.depthwise, state.depthwise, { ...rest, stride, groups: x.shape[1] });
  const outer = convNorm(inner.output, params.pointwise, state.pointwise, rest);
  return { output: outer.output, state: { depthwise: inner.state, pointwise: outer.state } };
}

/** Three convolutions: to more channels (absent without expansion), of each channel by itself, and to fewer. */
export interface InvertedResidualParams {
  readonly expand?: ConvNormParams | undefined;
  readonly depthwise: ConvNormParams;
  readonly project: ConvNormParams;
}

export interface InvertedResidualState {
  readonly expand?: ConvNormState | undefined;
  readonly depthwise: ConvNormState;
  readonly project: ConvNormState;
}

export interface InitInvertedResidualOptions extends InitDepthwiseOptions {
  /** Inner channels for each input channel, an integer; 1: no first convolution. Default 6. */
  readonly expansion?: number | undefined;
}

/**
 * Parameters and state of {@link invertedResidual}.
 *
 * @throws OptionError for an expansion that is no integer above 0
 */
export function initInvertedResidual(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  options: InitInvertedResidualOptions = {},
): Initial<InvertedResidualParams, InvertedResidualState> {
  requireKnown(
    "initInvertedResidual",
    options,
    ["expansion", "norm", "dtype"],
    "initInvertedResidual(rng, 16, 24, { expansion: 4 })",
  );
  const { expansion = 6, ...rest } = options;
  if (!Number.isInteger(expansion) || expansion < 1) {
    throw new OptionError(
      `initInvertedResidual: the expansion must be an integer >= 1; got ${describeValue(expansion)}.`,
    );
  }
  const inner = inputs * expansion;
  const expand = expansion === 1 ? undefined : initConvNorm(rng, inputs, inner, 1, rest);
  const depthwise = initConvNorm(rng, inner, inner, 3, { ...rest, groups: inner });
  const project = initConvNorm(rng, inner, outputs, 1, rest);
  return {
    params: {
      ...(expand ? { expand: expand.params } : {}),
      depthwise: depthwise.params,
      project: project.params,
    },
    state: {
      ...(expand ? { expand: expand.state } : {}),
      depthwise: depthwise.state,
      project: project.state,
    },
  };
}

/**
 * Inverted residual block with a linear bottleneck: y = N(P * s(N(D * s(N(E * x))))), plus x where y has its shape. E (1 x 1)
 * makes more channels, D is a kernel of 3 x 3 for each, P (1 x 1) makes fewer again, without an activation after it.
 *
 * @param x images [batch, in, height, width]
 * @param options `stride` of the depthwise convolution
 *
 * @example
 * const { params, state } = initInvertedResidual(torchGenerator(0), 16, 24, { expansion: 4 });
 * const f = (p, s, x) => invertedResidual(x, p, s, { stride: 2, activation: "relu6" }).output;
 * trace(f, [params, state, spec([1, 16, 8, 8])]).graph.outputs[0].tensor.shape; // [1, 24, 4, 4]
 */
export function invertedResidual(
  x: Tensor,
  params: TensorsOf<InvertedResidualParams>,
  state: TensorsOf<InvertedResidualState>,
  options: BlockOptions = {},
): Carried<InvertedResidualState> {
  requireKnown(
    "invertedResidual",
    options,
    blockOptions,
    "invertedResidual(x, params, state, { stride: 2 })",
  );
  const { stride, ...rest } = options;
  const first = params.expand && state.expand ? convNorm(x, params.expand, state.expand, rest) : undefined;
  const wide = first?.output ?? x;
  const second = convNorm(wide, params.depthwise, state.depthwise, {
    ...rest,
    stride,
    groups: wide.shape[1],
  });
  const third = convNorm(second.output, params.project, state.project, { ...rest, activation: "identity" });
  return {
    output: sameShape(third.output.shape, x.shape) ? add(x, third.output) : third.output,
    state: {
      ...(first ? { expand: first.state } : {}),
      depthwise: second.state,
      project: third.state,
    },
  };
}
