// Ranges and moments of the channels of some tensors on calibration data, batch by batch.
import { type NdArray, sizeOf } from "../../array.js";
import type { Graph, Port } from "../../graph/graph.js";
import { square } from "../../graph/ops/elementary.js";
import { max, mean, min } from "../../graph/ops/reduce.js";
import { slice } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { addToHistogram, type ClipHistogram, clipHistogram } from "./clip-damage.js";
import type { Clip } from "./relaxed-clips.js";

type Values = Readonly<Record<string, NdArray>>;

/** What calibration shows of the channels of a tensor. */
export interface ChannelStatistics {
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Mean of the squares. */
  readonly moment: Float64Array;
}

export interface Channels {
  readonly tensor: Tensor;
  readonly axis: number;
}

export interface ClippedChannels extends Clip {
  /** Axis of the channels of z. */
  readonly axis: number;
}

/** What is measured: channels of some tensors, the mean squares of others, and what clips take in. */
export interface Measured {
  readonly channels: readonly Channels[];
  readonly signals: readonly Tensor[];
  readonly clips: readonly ClippedChannels[];
}

export interface Statistics {
  readonly channels: readonly ChannelStatistics[];
  readonly signals: Float64Array;
  readonly clips: readonly ClipHistogram[];
}

export interface Calibrator {
  /** Statistics of a graph's tensors for some parameters on some batches. */
  measure(params: Values, batches: readonly Values[]): Promise<Statistics>;
  dispose(): Promise<void>;
}

/** At most about this many values of a channel of each example go into a histogram. */
const mostPlaces = 128;

/** Compiles the statistics of a graph's tensors. */
export async function calibrator(
  graph: Graph,
  { channels: tensors, signals, clips }: Measured,
  options: CompileOptions,
): Promise<Calibrator> {
  const outputs = tensors.flatMap(({ tensor, axis }, k): Port[] => {
    const by = (reduce: typeof min, x: Tensor) => reducedBut(axis, reduce, x);
    return [
      { name: `low${k}`, tensor: by(min, tensor) },
      { name: `high${k}`, tensor: by(max, tensor) },
      { name: `moment${k}`, tensor: by(mean, square(tensor)) },
    ];
  });
  outputs.push(...signals.map((tensor, k) => ({ name: `signal${k}`, tensor: mean(square(tensor)) })));
  outputs.push(...clips.map(({ z, axis }, k) => ({ name: `clip${k}`, tensor: sampled(z, axis) })));
  const executable = await compile({ inputs: graph.inputs, outputs }, options);
  return {
    async measure(params, batches) {
      const channels = tensors.map(({ tensor, axis }): ChannelStatistics => {
        const filled = (value: number) => new Float64Array(tensor.shape[axis]).fill(value);
        return { low: filled(Infinity), high: filled(-Infinity), moment: filled(0) };
      });
      const powers = new Float64Array(signals.length);
      const histograms = clips.map(({ z, axis, bound }) => clipHistogram(z.shape[axis], bound));
      for (const batch of batches) {
        const values = await executable.run({ ...params, ...batch });
        channels.forEach(({ low, high, moment }, k) => {
          const [lows, highs, moments] = ["low", "high", "moment"].map((name) => values[`${name}${k}`].data);
          for (let i = 0; i < low.length; i++) {
            low[i] = Math.min(low[i], Number(lows[i]));
            high[i] = Math.max(high[i], Number(highs[i]));
            moment[i] += Number(moments[i]) / batches.length;
          }
        });
        powers.forEach((_, k) => {
          powers[k] += Number(values[`signal${k}`].data[0]) / batches.length;
        });
        histograms.forEach((histogram, k) => {
          addAll(histogram, values[`clip${k}`], clips[k].axis);
        });
      }
      return { channels, signals: powers, clips: histograms };
    },
    dispose: () => executable.dispose(),
  };
}

function addAll(histogram: ClipHistogram, { shape, data }: NdArray, axis: number): void {
  const behind = sizeOf(shape.slice(axis + 1));
  const values = data as Float32Array;
  for (let start = 0, channel = 0; start < values.length; start += behind) {
    addToHistogram(histogram, channel, values.subarray(start, start + behind));
    channel = channel + 1 === shape[axis] ? 0 : channel + 1;
  }
}

/** A reduction of all axes but one, those behind it first: runtimes are fast along the last axes. */
function reducedBut(axis: number, reduce: typeof min, x: Tensor): Tensor {
  const behind = [...x.shape.keys()].filter((d) => d > axis);
  return reduce(reduce(x, { axes: behind }), { axes: [...x.shape.keys()].filter((d) => d < axis) });
}

/** Some places of each channel of a large image: every one in a grid. */
function sampled(z: Tensor, axis: number): Tensor {
  const behind = z.shape.slice(axis + 1);
  const step = Math.max(1, Math.floor((sizeOf(behind) / mostPlaces) ** (1 / behind.length)));
  return slice(z, {
    starts: z.shape.map(() => 0),
    ends: z.shape,
    steps: z.shape.map((n, d) => (d > axis ? Math.min(step, n) : 1)),
  });
}
