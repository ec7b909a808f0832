// What the noise of a quantized graph depends on: its layers, what is rounded, its clips, and how scalings act on their channels.
import { type Graph, nodesOf } from "../../graph/graph.js";
import { constantValue } from "../../graph/ops/leaf.js";
import { readersOf } from "../../graph/readers.js";
import { isFloat, type Tensor } from "../../graph/tensor.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { analyze } from "../../symmetry/discovery/discovery.js";
import { scalesOf } from "../../symmetry/discovery/scales/scales.js";
import { formsAlong, type LinearForms, unitOffsets } from "./linear-forms.js";
import { type Clip, rectified, relaxClips, separateBounds } from "./relaxed-clips.js";
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

// The values that kernels on integers round behind a layer: its result with the bias and the activation that run with it.

/**
 * What is rounded behind each layer; undefined where its result stays in floats. A convolution's result is always rounded,
 * that of a product where an activation follows, or a product with other values, as in attention and gated perceptrons. A
 * transposed convolution has no kernel on integers.
 */
function resultsOf(
  graph: Graph,
  paths: ReadonlySet<string>,
  layers: readonly WeightedLayer[],
  clips: ReadonlyMap<Tensor, Clip>,
): readonly (Tensor | undefined)[] {
  const readers = readersOf(graph);
  const stored = storedTensors(graph, paths);
  const next = (x: Tensor): Tensor | undefined => {
    const own = readers.get(x);
    return own?.length === 1 && own[0]?.size === x.size ? own[0] : undefined;
  };
  const isMultiplied = (z: Tensor): boolean =>
    (readers.get(z) ?? []).some((own) => {
      if (own === undefined) return false;
      if (moving.has(own.op.name)) return isMultiplied(own);
      return ["mul", "matmul"].includes(own.op.name) && !own.inputs.some((x) => stored.has(x));
    });
  return layers.map(({ y }) => {
    if (y.op.name === "conv2dInputGradient") return undefined;
    const sum = next(y);
    const z = sum?.op.name === "add" && sum.inputs.some((x) => stored.has(x)) ? sum : y;
    const rectifier = next(z);
    if (rectifier === undefined || rectified(rectifier) !== z) {
      return y.op.name === "conv2d" || isMultiplied(z) ? z : undefined;
    }
    const clip = next(rectifier);
    return clip !== undefined && clips.has(clip) ? clip : rectifier;
  });
}

/** Parameters, numbers, and what is computed of them alone. */
function storedTensors(graph: Graph, paths: ReadonlySet<string>): ReadonlySet<Tensor> {
  const data = new Set(graph.inputs.filter(({ name }) => !paths.has(name)).map(({ tensor }) => tensor));
  const stored = new Set<Tensor>();
  for (const node of nodesOf(graph)) {
    if (!data.has(node) && node.inputs.every((x) => stored.has(x))) stored.add(node);
  }
  return stored;
}

// Which ReLU or clip the values of a tensor come from, and which of its channels each channel is.

interface Source {
  /** What the ReLU, or that of the clip, takes in. */
  readonly z: Tensor;
  readonly clip: Clip | undefined;
  /** Whether the tensor holds values of it and no means of them. */
  readonly isWhole: boolean;
}

/** Operations that move values of their first input to other places. */
const moving: ReadonlySet<string> = new Set(["reshape", "transpose", "slice", "alias"]);
/** Operations whose results are values of their first input, or zeros. */
const selecting = new Set([...moving, "place", "maxPool2d", "max", "cast"]);
/** Operations of which a mean consists. */
const averaging = new Set(["sum", "mul", "div"]);

/** The axis of channels of an image, or the last one. */
const channelAxis = ({ rank }: Tensor): number => (rank > 3 ? 1 : rank - 1);

function sourceOf(x: Tensor, clips: ReadonlyMap<Tensor, Clip>): Source | undefined {
  let isWhole = true;
  /** What values of the source are multiplied by, where they are summed: 1 for a mean. */
  let factor = 1;
  for (let at: Tensor | undefined = x; at; at = at.inputs[0]) {
    const clip = clips.get(at);
    const z = rectified(clip?.z ?? at);
    if (z) return Math.abs(factor - 1) < 1e-3 ? { z, clip, isWhole } : undefined;
    const { name } = at.op;
    if (!isFloat(at.dtype)) return undefined;
    if (averaging.has(name)) {
      const own = multiplier(at);
      if (own === undefined) return undefined;
      factor *= own;
      isWhole = false;
    } else if (!selecting.has(name)) return undefined;
  }
  return undefined;
}

/** What a sum, or a product with a number, multiplies equal values by. */
function multiplier({ op, inputs: [x, other], size }: Tensor): number | undefined {
  if (op.name === "sum") return x.size / size;
  const number = constantValue(other);
  return number === undefined || op.name === "mul" ? number : 1 / number;
}

/** For each form the number of an equal one, by order where there are as many; -1 where none is known. */
function matching(forms: LinearForms, known: LinearForms): Int32Array {
  if (forms.count === known.count) return Int32Array.from({ length: forms.count }, (_, i) => i);
  const numbers = new Map(Array.from({ length: known.count }, (_, i) => [keyOf(known, i), i]));
  numbers.delete("");
  return Int32Array.from({ length: forms.count }, (_, i) => numbers.get(keyOf(forms, i)) ?? -1);
}

function keyOf({ starts, units, coefficients }: LinearForms, i: number): string {
  const terms = [];
  for (let k = starts[i]; k < starts[i + 1]; k++) terms.push(`${units[k]}*${coefficients[k]}`);
  return terms.join();
}
