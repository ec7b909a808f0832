// The model of a quantized graph's noise, from its parameters and from statistics of calibration data.
import type { NdArray } from "../../array.js";
import { channelRanges, measuredRanges } from "./channel-ranges.js";
import { clipDamage } from "./clip-damage.js";
import type { NoiseModel, NoisyClip, NoisyLayer, NoisyValues, Rounding } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import type { CalibrationRequest, Statistics } from "./statistics.js";
import { weightMagnitudes } from "./weight-magnitudes.js";

/** What calibration has to measure: channels of what is rounded; signals of layers, of rounded tensors and of clips. */
export function calibrationRequest({ layers, rounded, clips }: QuantizedGraph): CalibrationRequest {
  return {
    channels: rounded.flatMap(measuredRanges),
    signals: [
      ...layers.map(({ y, yAxis }) => ({ tensor: y, axis: yAxis })),
      ...rounded,
      ...clips.map(({ y, axis }) => ({ tensor: y, axis })),
    ],
    clips,
  };
}

/** @param by what noise in a tensor weighs: relative to its signal, or as the loss depends on it */
export function noiseModel(
  { layers, rounded, clips, size }: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  { channels, signals, sensitivities, clips: histograms }: Statistics,
  rounding: Rounding,
  headRoom: number,
  by: "signal" | "loss" = "signal",
): NoiseModel {
  /** Weights of the channels of a tensor, by its number among the signals: of noise whose mean over the channels counts. */
  const importanceOf = (k: number, count: number): Float64Array => {
    const own = by === "loss" ? sensitivities?.[k] : undefined;
    // A signal of 0 has no noise to compare with.
    return own
      ? own.map((v) => v * count)
      : new Float64Array(count).fill(signals[k] > 0 ? 1 / signals[k] : 0);
  };
  let next = 0;
  const ranges = rounded.map((tensor) => {
    const end = next + measuredRanges(tensor).length;
    const own = channelRanges(tensor, channels.slice(next, end), headRoom);
    next = end;
    return own;
  });
  const values = rounded.map(({ forms, source, isInput }, k): NoisyValues => {
    const clip = source?.isWhole ? source.clip : undefined;
    return {
      forms,
      seen: ranges[k].seen,
      expected: ranges[k].expected,
      cap: clip === undefined ? Infinity : clips[clip].bound,
      importance: isInput ? undefined : importanceOf(layers.length + k, forms.count),
    };
  });
  const made = layers.map((layer, k): NoisyLayer => {
    const { shape, outputForms } = layer;
    const importance = importanceOf(k, shape.groups * shape.outputs);
    return {
      weight: weightMagnitudes(layer, params[layer.weight.path], importance),
      importance,
      moments: ranges[layer.rounded].moments,
      values: layer.rounded,
      inputs: layer.inputForms,
      outputs: outputForms,
    };
  });
  const damaged = clips.map(({ forms }, index): NoisyClip => {
    const weights = new Float64Array(forms.count);
    let isRead = false;
    layers.forEach(({ rounded: at }, k) => {
      const source = rounded[at].source;
      if (source?.clip !== index) return;
      isRead = true;
      source.channels.forEach((i, j) => {
        if (i >= 0) weights[i] += made[k].weight.columns[j];
      });
    });
    const own = importanceOf(layers.length + rounded.length + index, forms.count);
    if (!isRead) weights.set(own.map((v) => v / forms.count));
    return { damage: clipDamage(histograms[index]), forms, weights };
  });
  return { layers: made, values, clips: damaged, rounding, size };
}
