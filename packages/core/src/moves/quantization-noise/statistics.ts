// Ranges and moments of the channels of some tensors on calibration data, batch by batch.
import { type NdArray, sizeOf } from "../../array.js";
import { backward } from "../../graph/autodiff.js";
import type { Graph, Port } from "../../graph/graph.js";
import { square } from "../../graph/ops/elementary.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { max, mean, min, sum } from "../../graph/ops/reduce.js";
import { slice } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { addToHistogram, type ClipHistogram, clipHistogram } from "./clip-damage.js";
import type { Clip } from "./relaxed-clips.js";

export type Values = Readonly<Record<string, NdArray>>;

/**
 * What calibration shows of the channels of a tensor. Rows are examples, or what the first axis counts. Fields that were not
 * wanted keep the values that they start with; `active` and `rows` come with `high`.
 */
export interface ChannelStatistics {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly mean: Float64Array;
  /** Mean of the squares. */
  readonly moment: Float64Array;
  /** Number of rows with a number above 0. */
  readonly active: Float64Array;
  readonly rows: number;
}

export interface Channels {
  readonly tensor: Tensor;
  readonly axis: number;
}

export interface ClippedChannels extends Clip {
  /** Axis of the channels of z. */
  readonly axis: number;
}

export interface MeasuredChannels extends Channels {
  readonly wanted: readonly ("low" | "high" | "mean" | "moment")[];
}

/** What a calibration measures: channels of some tensors, signals of others, and what enters clips. */
export interface CalibrationRequest {
  readonly channels: readonly MeasuredChannels[];
  /** Tensors in which noise counts. */
  readonly signals: readonly Channels[];
  readonly clips: readonly ClippedChannels[];
}

export interface Statistics {
  readonly channels: readonly ChannelStatistics[];
  /** The mean square of each tensor of the request's `signals`. */
  readonly signals: Float64Array;
  /** With a loss: sums of its squared derivatives in each channel. */
  readonly sensitivities: readonly Float64Array[] | undefined;
  readonly clips: readonly ClipHistogram[];
}

export interface Calibrator {
  /** Statistics of a graph's tensors for some parameters on some batches. */
  measure(params: Values, batches: readonly Values[]): Promise<Statistics>;
  dispose(): Promise<void>;
}

/** At most about this many values of a channel of each example go into a histogram. */
const mostPlaces = 128;

/** What is computed of the channels of each batch; highest numbers are by row. */
const reductions = {
  low: ({ tensor, axis }: Channels) => reducedBut([axis], min, tensor),
  high: ({ tensor, axis }: Channels) => reducedBut([0, axis], max, tensor),
  mean: ({ tensor, axis }: Channels) => reducedBut([axis], mean, tensor),
  moment: ({ tensor, axis }: Channels) => reducedBut([axis], mean, square(tensor)),
} as const;

/** Compiles the statistics of a graph's tensors, and of the derivatives of a loss in them. Means take batches of one size. */
export async function compileCalibrator(
  graph: Graph,
  { channels: tensors, signals, clips }: CalibrationRequest,
  options: CompileOptions,
  loss?: Tensor | undefined,
): Promise<Calibrator> {
  const outputs = tensors.flatMap((channels, k) =>
    channels.wanted.map((name): Port => ({ name: `${name}${k}`, tensor: reductions[name](channels) })),
  );
  outputs.push(...signals.map(({ tensor }, k) => ({ name: `signal${k}`, tensor: mean(square(tensor)) })));
  if (loss !== undefined) outputs.push(...squaredDerivatives(loss, signals));
  outputs.push(...clips.map(({ z, axis }, k) => ({ name: `clip${k}`, tensor: sampleGrid(z, axis) })));
  const executable = await compile({ inputs: graph.inputs, outputs }, options);
  return {
    async measure(params, batches) {
      const channels = tensors.map(({ tensor, axis }) => emptyStatistics(tensor.shape[axis]));
      const powers = new Float64Array(signals.length);
      const sensitivities = loss && signals.map(({ tensor, axis }) => new Float64Array(tensor.shape[axis]));
      const histograms = clips.map(({ z, axis, bound }) => clipHistogram(z.shape[axis], bound));
      for (const batch of batches) {
        const values = await executable.run({ ...params, ...batch });
        channels.forEach((own, k) => {
          const numbersOf = (name: string) => values[`${name}${k}`]?.data as Float64Array | undefined;
          addBatch(own, numbersOf, batches.length);
        });
        powers.forEach((_, k) => {
          powers[k] += Number(values[`signal${k}`].data[0]) / batches.length;
        });
        sensitivities?.forEach((own, k) => {
          own.forEach((_, i) => {
            own[i] += Number(values[`derivative${k}`].data[i]);
          });
        });
        histograms.forEach((histogram, k) => {
          addToChannels(histogram, values[`clip${k}`], clips[k].axis);
        });
      }
      return { channels, signals: powers, sensitivities, clips: histograms };
    },
    dispose: () => executable.dispose(),
  };
}

/** The sum of (dL/dy)^2 over all of each channel. */
function squaredDerivatives(loss: Tensor, signals: readonly Channels[]): Port[] {
  const bars = backward(
    [loss],
    [fillLike(loss, 1)],
    signals.map(({ tensor }) => tensor),
  );
  return bars.map((bar, k) => ({
    name: `derivative${k}`,
    tensor: reducedBut([signals[k].axis], sum, square(bar)),
  }));
}

function emptyStatistics(count: number): ChannelStatistics & { rows: number } {
  const filled = (value: number) => new Float64Array(count).fill(value);
  return {
    low: filled(Infinity),
    high: filled(-Infinity),
    mean: filled(0),
    moment: filled(0),
    active: filled(0),
    rows: 0,
  };
}

function addBatch(
  own: ReturnType<typeof emptyStatistics>,
  numbersOf: (name: string) => Float64Array | undefined,
  batches: number,
): void {
  const { low, high, active } = own;
  numbersOf("low")?.forEach((v, i) => {
    low[i] = Math.min(low[i], v);
  });
  const highs = numbersOf("high");
  if (highs) own.rows += highs.length / high.length;
  highs?.forEach((v, at) => {
    const i = at % high.length;
    high[i] = Math.max(high[i], v);
    if (v > 0) active[i]++;
  });
  for (const name of ["mean", "moment"] as const)
    numbersOf(name)?.forEach((v, i) => {
      own[name][i] += v / batches;
    });
}

function addToChannels(histogram: ClipHistogram, { shape, data }: NdArray, axis: number): void {
  const behind = sizeOf(shape.slice(axis + 1));
  const values = data as Float32Array;
  for (let start = 0, channel = 0; start < values.length; start += behind) {
    addToHistogram(histogram, channel, values.subarray(start, start + behind));
    channel = channel + 1 === shape[axis] ? 0 : channel + 1;
  }
}

/** A reduction of all axes but some, those behind them first: runtimes are fast along the last axes. */
function reducedBut(kept: readonly number[], reduce: typeof min, x: Tensor): Tensor {
  const last = Math.max(...kept);
  const axes = [...x.shape.keys()].filter((d) => !kept.includes(d));
  return reduce(reduce(x, { axes: axes.filter((d) => d > last) }), { axes: axes.filter((d) => d < last) });
}

/** Every step-th place along each axis of a large image, about `mostPlaces` of each channel. */
function sampleGrid(z: Tensor, axis: number): Tensor {
  const behind = z.shape.slice(axis + 1);
  const step = Math.max(1, Math.floor((sizeOf(behind) / mostPlaces) ** (1 / behind.length)));
  return slice(z, {
    starts: z.shape.map(() => 0),
    ends: z.shape,
    steps: z.shape.map((n, d) => (d > axis ? Math.min(step, n) : 1)),
  });
}
