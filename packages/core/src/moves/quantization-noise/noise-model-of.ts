// The model of a quantized graph's noise, from its parameters and from statistics of calibration data.
import type { NdArray } from "../../array.js";
import { channelRanges, measuredRanges } from "./channel-ranges.js";
import { clipDamage } from "./clip-damage.js";
import type { NoiseModel, NoisyClip, NoisyLayer, NoisyValues, Rounding } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import type { Measured, Statistics } from "./statistics.js";
import { weightMagnitudes } from "./weight-magnitudes.js";

/** What calibration has to measure: channels of what is rounded; signals of layers, of rounded tensors and of clips. */
export function measuredOf({ layers, rounded, clips }: QuantizedGraph): Measured {
  return {
    channels: rounded.flatMap(measuredRanges),
    signals: [
      ...layers.map(({ y }) => y),
      ...rounded.map(({ tensor }) => tensor),
      ...clips.map(({ y }) => y),
    ],
    clips,
  };
}

export function noiseModel(
  { layers, rounded, clips, size }: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  { channels, signals, clips: histograms }: Statistics,
  rounding: Rounding,
  headRoom: number,
): NoiseModel {
  /** What relative noise weighs: 1 / E[y^2] for each channel. A signal of 0 has no noise to compare with. */
  const relative = (signal: number, count: number) => new Float64Array(count).fill(signal > 0 ? 1 / signal : 0);
  const [ofRounded, ofClips] = [signals.slice(layers.length), signals.slice(layers.length + rounded.length)];
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
      ...{ seen: ranges[k].seen, expected: ranges[k].expected },
      cap: clip === undefined ? Infinity : clips[clip].bound,
      importance: isInput ? undefined : relative(ofRounded[k], forms.count),
    };
  });
  const made = layers.map((layer, k): NoisyLayer => {
    const { shape, outputForms } = layer;
    const importance = relative(signals[k], shape.groups * shape.outputs);
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
    if (!isRead) weights.set(relative(ofClips[index], forms.count).map((v) => v / forms.count));
    return { damage: clipDamage(histograms[index]), forms, weights };
  });
  return { layers: made, values, clips: damaged, rounding, size };
}
