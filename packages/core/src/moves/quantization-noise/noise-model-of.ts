// The model of a quantized graph's noise, from its parameters and from statistics of calibration data.
import type { NdArray } from "../../array.js";
import type { Tensor } from "../../graph/tensor.js";
import { clipDamage } from "./clip-damage.js";
import type { NoiseModel, NoisyClip, NoisyLayer, Rounding } from "./noise-model.js";
import type { QuantizedGraph, ScaledLayer } from "./quantized-graph.js";
import type { Measured, Statistics } from "./statistics.js";
import { weightMagnitudes } from "./weight-magnitudes.js";

/** The tensors that layers take in, each once. */
export const inputsOf = (layers: readonly ScaledLayer[]): Tensor[] => [...new Set(layers.map(({ x }) => x))];

/** What calibration has to measure: inputs of layers, then of clips; signals of layers, then of clips. */
export function measuredOf({ layers, clips }: QuantizedGraph): Measured {
  const axes = new Map(layers.map(({ x, xAxis }) => [x, xAxis]));
  return {
    channels: [
      ...inputsOf(layers).map((tensor) => ({ tensor, axis: axes.get(tensor) as number })),
      ...clips.map(({ z, axis }) => ({ tensor: z, axis })),
    ],
    signals: [...layers.map(({ y }) => y), ...clips.map(({ y }) => y)],
    clips,
  };
}

export function noiseModel(
  { layers, clips, size }: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  { channels, signals, clips: histograms }: Statistics,
  rounding: Rounding,
  headRoom: number,
): NoiseModel {
  const inputs = inputsOf(layers);
  const made = layers.map((layer, k): NoisyLayer => {
    const own = channels[inputs.indexOf(layer.x)];
    const { clip } = layer;
    const before = clip?.isWhole ? channels[inputs.length + clip.index].high : undefined;
    const high = own.high.map((v, j) => {
      const i = clip?.channels[j] ?? -1;
      return (1 + headRoom) * Math.max(0, before && i >= 0 ? before[i] : v);
    });
    return {
      weight: weightMagnitudes(layer, params[layer.weight.path]),
      moments: own.moment,
      highs: high,
      lows: own.low.map((v) => (1 + headRoom) * Math.max(0, -v)),
      cap: clip?.isWhole ? clips[clip.index].bound : Infinity,
      signal: positive(signals[k]),
      inputs: layer.inputForms,
      outputs: layer.outputForms,
    };
  });
  const damaged = clips.map(({ forms }, index): NoisyClip => {
    const weights = new Float64Array(forms.count);
    const readers = made.filter((_, k) => layers[k].clip?.index === index);
    layers.forEach(({ clip }, k) => {
      if (clip?.index !== index) return;
      clip.channels.forEach((i, j) => {
        if (i >= 0) weights[i] += made[k].weight.columns[j] / made[k].signal;
      });
    });
    if (readers.length === 0) weights.fill(1 / (forms.count * positive(signals[layers.length + index])));
    return { damage: clipDamage(histograms[index]), forms, weights };
  });
  return { layers: made, clips: damaged, rounding, size };
}

/** A signal of 0 has no noise to compare with. */
const positive = (signal: number): number => (signal > 0 ? signal : Number.POSITIVE_INFINITY);
