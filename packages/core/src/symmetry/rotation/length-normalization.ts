// Layer normalizations of a residual stream as normalizations by its length: S. Ashkboos et al., "SliceGPT", ICLR 2024,
// section 3.2.
import { astype, dtypeOf, type NdArray, sizeOf } from "../../array.js";
import { type BatchLoss, type BatchSpec, forAnyBatch } from "../../batch.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { flatten, namedArrays } from "../../tree.js";
import type { Discovery } from "../discovery/descriptors.js";
import { isCenteredSum, matchCentering } from "../discovery/graph/means.js";
import { prepare } from "../discovery/graph/prepare.js";
import { rewrite } from "../discovery/graph/rewrite.js";
import { unseenAxes } from "../discovery/shifts/find.js";
import { signFlips } from "../discrete/sign-flips.js";
import { mapArrays } from "../parameter-axes.js";
import { scaling } from "../scaling.js";
import { discover } from "../symmetries-of.js";
import { isRefusal } from "../symmetry.js";

/** A loss and its parameters, equal to another one's. */
export interface LengthNormalized<P> {
  /** With fewer subtracted means and gains; takes the same parameters. */
  readonly loss: BatchLoss<P>;
  readonly params: P;
  /** Paths of gains that are one and are not read any more. */
  readonly gains: readonly string[];
  /** Number of layer normalizations that subtract no mean any more, and of those that do. */
  readonly replaced: number;
  readonly left: number;
}

/**
 * Prepares a network with layer normalizations before its blocks for rotations of its residual stream. What writes into
 * the stream is centered, so that its mean is zero and no normalization has to subtract it, and gains are moved into
 * the weights that read them,
 *
 * W_out <- (I - 1 1' / n) W_out,  W_in <- W_in diag(gain),  gain <- 1
 *
 * The loss is the same up to rounding. Normalizations whose input is read elsewhere, or whose gain has zeros or is
 * not followed by weights alone, stay as they are.
 *
 * @throws ShapeError, DTypeError when parameters and batch do not fit the loss
 *
 * @example
 * const prepared = await normalizeByLength(loss, params, batch);
 * const { orthogonal } = symmetriesOf(prepared.loss, prepared.params, batch);
 */
export async function normalizeByLength<P, B extends BatchSpec = BatchSpec>(
  loss: BatchLoss<P, B>,
  params: P,
  batch: B,
): Promise<LengthNormalized<P>> {
  const anyLoss = forAnyBatch(loss);
  const { graph, found } = discover(anyLoss, params, batch);
  const gains = await withoutGains(graph, found, params);
  const refs = parametersOf(graph, params);
  const prepared = prepare(graph, refs);
  const centered = new Map<string, number>();
  for (const [{ path, part }, axis] of unseenAxes(prepared.graph, prepared.parameters)) {
    if (!part) centered.set(path, axis);
  }
  const moved = mapArrays(gains.params, (array, path) => {
    const axis = centered.get(path);
    return axis === undefined ? array : withoutMean(array, axis);
  });
  const known = { centered, gains: new Set(gains.paths) };
  const named = Object.fromEntries(refs.map(({ path, tensor }) => [path, tensor]));
  const { replaced, left } = simpler(graph.outputs[0].tensor, named, known);
  return {
    loss: (p, b) => simpler(anyLoss(p, b), p, known).output,
    params: moved,
    gains: gains.paths,
    replaced,
    left,
  };
}

/** What is known of the parameters: along which axis their mean is zero, and which are gains of one. */
interface Known {
  readonly centered: ReadonlyMap<string, number>;
  readonly gains: ReadonlySet<string>;
}

/** A traced loss without the means that are zero and the gains that are one. */
function simpler(
  loss: Tensor,
  params: unknown,
  { centered, gains }: Known,
): { output: Tensor; replaced: number; left: number } {
  const { leaves, paths } = flatten<Tensor>(params, isTensor);
  const pathOf = new Map(leaves.map((x, i) => [x, paths[i]]));
  const isCentered = (x: Tensor, axis: number): boolean | undefined => {
    const path = pathOf.get(x);
    return path === undefined ? undefined : centered.get(path) === axis;
  };
  let [replaced, left] = [0, 0];
  const traced: Graph = { inputs: [], outputs: [{ name: "loss", tensor: loss }] };
  const { outputs } = rewrite(traced, (node, original) => {
    const centering = matchCentering(original);
    if (centering && isCenteredSum(centering.x, centering.axis, isCentered)) {
      replaced++;
      return node.inputs[0];
    }
    if (centering) left++;
    const gain = gainOf(original, pathOf);
    return gain && gains.has(gain.path) ? node.inputs[gain.input] : node;
  });
  return { output: outputs[0].tensor, replaced, left };
}

const parametersOf = <P>(graph: Graph, params: P) => {
  const own = new Set(Object.keys(namedArrays(params)));
  return graph.inputs.flatMap(({ name, tensor }) => (own.has(name) ? [{ path: name, tensor }] : []));
};

/** The gain that a node multiplies a normalized value by, and which input that value is. */
function gainOf(
  node: Tensor,
  pathOf: ReadonlyMap<Tensor, string>,
): { readonly path: string; readonly input: number } | undefined {
  if (node.op.name !== "mul") return undefined;
  for (const input of [0, 1]) {
    const normalized = node.inputs[input];
    let gain = node.inputs[1 - input];
    while (gain.op.name === "broadcast" || gain.op.name === "reshape") [gain] = gain.inputs;
    const path = pathOf.get(gain);
    if (path !== undefined && normalized.op.name === "div" && matchCentering(normalized.inputs[0])) {
      return { path, input };
    }
  }
  return undefined;
}

/** Parameters with gains of one where scalings and flips of signs can make them so. */
async function withoutGains<P>(
  graph: Graph,
  found: Discovery,
  params: P,
): Promise<{ params: P; paths: string[] }> {
  const pathOf = new Map(parametersOf(graph, params).map(({ path, tensor }) => [tensor, path]));
  const candidates = nodesOf(graph).flatMap((node) => gainOf(node, pathOf)?.path ?? []);
  const paths: string[] = [];
  let moved = params;
  for (const path of new Set(candidates)) {
    const { data, shape } = namedArrays(moved)[path];
    const values = Float64Array.from(data as Float64Array);
    const isWhole = ({ size, axes }: { size: number; axes: readonly { path: string }[] }) =>
      size === values.length && axes.some((a) => a.path === path);
    const scale = found.scalings.find((g) => g.exact && isWhole(g));
    const sign = found.signs.find(isWhole);
    const isNegative = values.some((v) => v < 0);
    if (!scale || (isNegative && !sign) || values.includes(0) || shape.length !== 1) continue;
    const { power } = scale.axes.find((a) => a.path === path) as { power: number };
    const T = { shape: [values.length], data: values.map((v) => -Math.log(Math.abs(v)) / power) };
    const scaled = await scaling<P>([scale]).act(moved, [T], {});
    if (isRefusal(scaled)) continue;
    moved = scaled;
    if (sign && isNegative) {
      moved = signFlips(moved, [sign]).act(moved, [Array.from(values, (v) => (v < 0 ? -1 : 1))]);
    }
    paths.push(path);
  }
  const all = namedArrays(moved);
  const isOne = (v: number | bigint) => Math.abs(Number(v) - 1) < 1e-6;
  return { params: moved, paths: paths.filter((path) => (all[path].data as Float64Array).every(isOne)) };
}

/** x - mean(x) along an axis. */
function withoutMean(array: NdArray, axis: number): NdArray {
  const { shape } = array;
  const data = Float64Array.from(array.data as Float64Array);
  const [n, stride] = [shape[axis], sizeOf(shape.slice(axis + 1))];
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / stride) % n !== 0) continue;
    let mean = 0;
    for (let i = 0; i < n; i++) mean += data[start + i * stride] / n;
    for (let i = 0; i < n; i++) data[start + i * stride] -= mean;
  }
  return astype({ shape, data }, dtypeOf(array));
}
