// What the noise of a quantized graph depends on: its layers, what is rounded, its clips, and how scalings act on their channels.
import type { Graph } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { analyze } from "../../symmetry/discovery/discovery.js";
import { scalesOf } from "../../symmetry/discovery/scales/scales.js";
import { formsAlong, type LinearForms, unitOffsets } from "./linear-forms.js";
import { type Clip, relaxClips, separateBounds } from "./relaxed-clips.js";
import { resultsOf } from "./results-of-layers.js";
import { channelAxis, matching, type Source, sourceOf } from "./source-of-values.js";
import type { Channels, ClippedChannels } from "./statistics.js";
import { type WeightedLayer, weightedLayers } from "./weighted-layers.js";

/** A layer, and how its channels' factors depend on T. */
export interface ScaledLayer extends WeightedLayer {
  readonly inputForms: LinearForms;
  readonly outputForms: LinearForms;
  /** Number of x among the rounded tensors. */
  readonly rounded: number;
}

/** A tensor that is rounded: the input of layers, or what is computed with a layer. */
export interface RoundedTensor extends Channels {
  readonly forms: LinearForms;
  readonly source: ChannelSource | undefined;
  /** Whether a layer reads it, whose output then has the noise. */
  readonly isInput: boolean;
}

/** The ReLU or clip that values come from, by its channels. */
export interface ChannelSource extends Pick<Source, "z" | "isWhole"> {
  /** Axis of the channels of z. */
  readonly axis: number;
  /** The channel of z of each channel; -1 where none is known. */
  readonly channels: Int32Array;
  /** Number of the clip; undefined for a ReLU. */
  readonly clip: number | undefined;
}

export interface ScaledClip extends ClippedChannels {
  readonly forms: LinearForms;
}

export interface QuantizedGraph {
  /** The graph with ReLU6 in two steps: values before their bounds are tensors. */
  readonly graph: Graph;
  readonly generators: readonly ScalingGenerator[];
  readonly offsets: readonly number[];
  /** Number of elements of T. */
  readonly size: number;
  readonly layers: readonly ScaledLayer[];
  readonly rounded: readonly RoundedTensor[];
  /** Weights whose factors are none of channels. */
  readonly left: readonly string[];
  readonly clips: readonly ScaledClip[];
}

/**
 * Finds layers and scalings of a graph.
 *
 * @param isRelaxed whether the scalings may be those that the graph has without its clips at fixed numbers
 */
export function quantizedGraph(
  original: Graph,
  paths: readonly string[],
  isRelaxed: boolean,
): QuantizedGraph {
  const graph = separateBounds(original);
  const relaxed = relaxClips(graph);
  const scaled = isRelaxed ? relaxed.graph : graph;
  const imageOf = isRelaxed ? relaxed.imageOf : (tensor: Tensor) => tensor;
  const generators = analyze(scaled, paths).scalings.filter(({ exact }) => exact);
  const { offsets, total } = unitOffsets(generators);
  const formsOf = (wanted: readonly Channels[]) => {
    const images = wanted.map(({ tensor }) => imageOf(tensor));
    const scales = scalesOf(scaled, generators, images);
    return wanted.map(({ tensor, axis }, k) => formsAlong(scales[k], axis, tensor.shape[axis], offsets));
  };

  const found = weightedLayers(graph, new Set(paths));
  const inputs = formsOf(found.map(({ x, xAxis }) => ({ tensor: x, axis: xAxis })));
  const outputs = formsOf(found.map(({ y, yAxis }) => ({ tensor: y, axis: yAxis })));
  const clips = isRelaxed ? scaledClips([...relaxed.clips.values()], formsOf) : [];
  const results = resultsOf(graph, new Set(paths), found, relaxed.clips);
  const rounded = new Map<Tensor, Omit<RoundedTensor, "source">>();
  const layers = found.flatMap((layer, k): ScaledLayer[] => {
    const [inputForms, outputForms, result] = [inputs[k], outputs[k], results[k]];
    if (!inputForms || !outputForms) return [];
    const { x, xAxis, yAxis } = layer;
    const known = rounded.get(x);
    rounded.set(x, { tensor: x, axis: xAxis, forms: inputForms, ...known, isInput: true });
    if (result && !rounded.has(result))
      rounded.set(result, { tensor: result, axis: yAxis, forms: outputForms, isInput: false });
    return [{ ...layer, inputForms, outputForms, rounded: [...rounded.keys()].indexOf(x) }];
  });
  const left = found.filter((_, k) => !inputs[k] || !outputs[k]).map(({ weight }) => weight.path);
  return {
    graph,
    generators,
    offsets,
    size: total,
    layers,
    left,
    clips,
    rounded: withSources([...rounded.values()], relaxed.clips, clips, formsOf),
  };
}

type FormsOf = (wanted: readonly Channels[]) => readonly (LinearForms | undefined)[];

function scaledClips(found: readonly Clip[], formsOf: FormsOf): ScaledClip[] {
  const all = found.map((clip) => ({ ...clip, axis: channelAxis(clip.z) }));
  const forms = formsOf(all.map(({ z, axis }) => ({ tensor: z, axis })));
  return all.flatMap((clip, k): ScaledClip[] => {
    const own = forms[k];
    return own ? [{ ...clip, forms: own }] : [];
  });
}

function withSources(
  rounded: readonly Omit<RoundedTensor, "source">[],
  byResult: ReadonlyMap<Tensor, Clip>,
  clips: readonly ScaledClip[],
  formsOf: FormsOf,
): RoundedTensor[] {
  const sources = rounded.map(({ tensor }) => sourceOf(tensor, byResult));
  const tensors = [...new Set(sources.flatMap((source) => source?.z ?? []))];
  const forms = formsOf(tensors.map((z) => ({ tensor: z, axis: channelAxis(z) })));
  return rounded.map((own, k) => {
    const source = sources[k];
    const known = source && forms[tensors.indexOf(source.z)];
    if (!source || !known) return { ...own, source: undefined };
    const { z, isWhole } = source;
    const clip = clips.findIndex(({ y }) => y === source.clip?.y);
    return {
      ...own,
      source: {
        z,
        isWhole,
        axis: channelAxis(z),
        channels: matching(own.forms, known),
        clip: clip < 0 ? undefined : clip,
      },
    };
  });
}
