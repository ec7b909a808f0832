// What the noise of a quantized graph depends on: its layers, its clips, and how scalings act on their channels.
import type { Graph } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { analyze } from "../../symmetry/discovery/discovery.js";
import { scalesOf } from "../../symmetry/discovery/scales/scales.js";
import { type ClipOfInput, channelAxis, clipOfInput } from "./clip-of-input.js";
import { formsAlong, type LinearForms, unitOffsets } from "./linear-forms.js";
import { relaxClips } from "./relaxed-clips.js";
import type { Channels, ClippedChannels } from "./statistics.js";
import { type WeightedLayer, weightedLayers } from "./weighted-layers.js";

/** A layer, and how its channels' factors depend on T. */
export interface ScaledLayer extends WeightedLayer {
  readonly inputForms: LinearForms;
  readonly outputForms: LinearForms;
  /** The clip that x comes from. */
  readonly clip: ClipOfInput | undefined;
}

export interface ScaledClip extends ClippedChannels {
  readonly forms: LinearForms;
}

export interface QuantizedGraph {
  readonly generators: readonly ScalingGenerator[];
  readonly offsets: readonly number[];
  /** Number of elements of T. */
  readonly size: number;
  readonly layers: readonly ScaledLayer[];
  /** Weights whose factors are none of channels. */
  readonly left: readonly string[];
  readonly clips: readonly ScaledClip[];
}

/**
 * Finds layers and scalings of a graph.
 *
 * @param isRelaxed whether the scalings may be those that the graph has without its clips at fixed numbers
 */
export function quantizedGraph(graph: Graph, paths: readonly string[], isRelaxed: boolean): QuantizedGraph {
  const relaxed = isRelaxed ? relaxClips(graph) : undefined;
  const scaled = relaxed?.graph ?? graph;
  const imageOf = relaxed?.imageOf ?? ((tensor: Tensor) => tensor);
  const generators = analyze(scaled, paths).scalings.filter(({ exact }) => exact);
  const { offsets, total } = unitOffsets(generators);
  const formsOf = (wanted: readonly Channels[]) => {
    const scales = scalesOf(
      scaled,
      generators,
      wanted.map(({ tensor }) => imageOf(tensor)),
    );
    return wanted.map(({ tensor, axis }, k) => formsAlong(scales[k], axis, tensor.shape[axis], offsets));
  };

  const found = weightedLayers(graph, new Set(paths));
  const inputs = formsOf(found.map(({ x, xAxis }) => ({ tensor: x, axis: xAxis })));
  const outputs = formsOf(found.map(({ y, yAxis }) => ({ tensor: y, axis: yAxis })));
  const all = [...(relaxed?.clips.values() ?? [])].map((clip) => ({ ...clip, axis: channelAxis(clip.z) }));
  const ofClips = formsOf(all.map(({ z, axis }) => ({ tensor: z, axis })));
  const clips = all.flatMap((clip, k): ScaledClip[] => {
    const forms = ofClips[k];
    return forms ? [{ ...clip, forms }] : [];
  });
  const layers = found.flatMap((layer, k): ScaledLayer[] => {
    const [inputForms, outputForms] = [inputs[k], outputs[k]];
    if (!inputForms || !outputForms) return [];
    return [{ ...layer, inputForms, outputForms, clip: clipOfInput(layer.x, inputForms, clips) }];
  });
  const left = found.filter((_, k) => !inputs[k] || !outputs[k]).map(({ weight }) => weight.path);
  return { generators, offsets, size: total, layers, left, clips };
}
