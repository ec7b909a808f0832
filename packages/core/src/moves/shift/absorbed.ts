// High-bias absorption: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
// section 4.1.3, for all shifts of a graph that pass ReLUs.
import type { NdArray } from "../../array.js";
import { type Batch, type BatchLoss, forAnyBatch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { relu } from "../../graph/ops/activation.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import type { Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import { differenceOf } from "../../metrics/output-difference.js";
import { inCode, nonNegative, type OptionsOf, optionTable, positive } from "../../options.js";
import { compile } from "../../runtime/compile.js";
import { rewrite } from "../../symmetry/discovery/graph/rewrite.js";
import type { ShiftSite } from "../../symmetry/discovery/shifts/find.js";
import { shift } from "../../symmetry/shift.js";
import { isRefusal } from "../../symmetry/symmetry.js";
import { namedArrays } from "../../tree.js";
import { calibrationShare } from "../quantization-noise/compare-candidates.js";
import { type FoundShifts, foundShifts, giverName, pieceArrays, probedUnits } from "./shifted-values.js";

export interface AbsorbedBiasesOptions extends OptionsOf<typeof absorbedBiasesOptions> {}

const absorbedBiasesOptions = optionTable("absorbedBiases", {
  /** Batches that clipping is measured on; default: the last quarter of the calibration, which is then not used for it. */
  heldOut: inCode<readonly Batch[]>("a list of batches", Array.isArray).otherwise(
    "the last quarter of the calibration",
  ),
  /**
   * How many standard deviations below the mean the smallest value of a unit is taken to be, such as the paper's 3; default: the
   * smallest value on the calibration data.
   */
  deviations: nonNegative.otherwise("the smallest value on the calibration data"),
  /** The largest relative change of results on the held-out data, above which the parameters stay; default 1e-3. */
  limit: positive.default(1e-3),
});

export interface AbsorbedBiases<P> {
  /** The new parameters; the given ones where the change of results is above the limit. */
  readonly params: P;
  /** Whether the new parameters are kept. */
  readonly isKept: boolean;
  /** How many units have a part of their bias absorbed, of how many whose ReLU a shift may pass. */
  readonly absorbed: number;
  readonly units: number;
  /** The share of the absorbed units' values on the held-out data that the new parameters clip. */
  readonly clipped: number;
  /** max |new - old| / max |old| of the results on the held-out data. */
  readonly drift: number;
}

/**
 * Nearly the same function with smaller biases: where a unit's value z before a ReLU is never below c > 0,
 * relu(z - c) = relu(z) - c, and the biases behind the weights that read it take what is left,
 *
 * b_1 <- b_1 - c,  b_2 <- b_2 + W_2 c,  c_i = max(0, min z_i), or max(0, mean z_i - k std z_i)
 *
 * over the calibration data. Ranges of activations become smaller, which pays before these are quantized, above all after
 * ranges of weights were equalized. It is no symmetry: values below c are clipped. How many, and what that changes, is measured on
 * other data, and above `limit` the parameters stay. Convolutions with zeros around them, and bounds such as that of ReLU6, stop
 * shifts.
 *
 * @param f any traced function of parameters and batch that is to be kept
 * @param calibration batches of the same shapes
 * @returns new parameters, and what they change
 * @throws OptionError without batches
 *
 * @example
 * const { params: lower, clipped } = await absorbedBiases(loss, params, [{ x, y }], { heldOut: [{ x, y }] });
 */
export async function absorbedBiases<P, B extends Batch>(
  f: BatchLoss<P, B>,
  params: P,
  calibration: readonly B[],
  options: AbsorbedBiasesOptions = {},
): Promise<AbsorbedBiases<P>> {
  const { heldOut: others, deviations, limit } = absorbedBiasesOptions.read(options);
  const least = others === undefined ? 2 : 1;
  if (!Array.isArray(calibration) || calibration.length < least || others?.length === 0) {
    throw new OptionError(
      "absorbedBiases takes a list of at least two batches, of which the last quarter is held out, or one and heldOut: [batch].",
    );
  }
  const end = others === undefined ? calibrationShare(calibration.length) : calibration.length;
  const data = { calibration: calibration.slice(0, end), heldOut: others ?? calibration.slice(end) };
  const whole = forAnyBatch(f);
  const open: BatchLoss<P> = (p, b) => withoutRelus(whole(p, b));
  const found = foundShifts(open, params, data.calibration[0]);
  const still = found.sites.map(({ generator: { size } }) => ({
    shape: [size],
    data: new Float64Array(size),
  }));
  const counts = { absorbed: 0, units: 0, values: 0, below: 0 };
  const T: NdArray[] = [];
  for (const [k, site] of found.sites.entries()) {
    const own = passesRelus(site) ? await absorbed(found, site, params, { ...data, deviations }) : undefined;
    T.push(own ? { shape: still[k].shape, data: own.c.map((c) => -c) } : still[k]);
    if (!own) continue;
    counts.units += own.c.length;
    counts.absorbed += own.c.filter((c) => c > 0).length;
    counts.values += own.values;
    counts.below += own.below;
  }
  const { absorbed: moving, units } = counts;
  if (moving === 0) return { params, isKept: true, absorbed: 0, units, clipped: 0, drift: 0 };
  const generators = found.sites.map(({ generator }) => generator);
  const symmetry = shift<P>(open, params, data.calibration[0], generators);
  const moved = await symmetry.act(params, T, {});
  await symmetry.dispose?.();
  if (isRefusal(moved)) throw new OptionError(`absorbedBiases: ${moved.refused}.`);
  const drift = await driftOf(whole, params, moved, data.heldOut);
  const isKept = drift <= limit;
  return {
    params: isKept ? moved : params,
    isKept,
    absorbed: moving,
    units,
    drift,
    clipped: counts.below / counts.values,
  };
}

/** A value without the ReLUs that it is computed by: aliases stand in their places. */
function withoutRelus(tensor: Tensor): Tensor {
  const graph: Graph = { inputs: [], outputs: [{ name: "value", tensor }] };
  const open = rewrite(graph, (node) => {
    if (node.op.name === "alias") return node.inputs[0];
    return node.op.name === "relu" ? alias(node.inputs[0]) : node;
  });
  return open.outputs[0].tensor;
}

const withRelus = (graph: Graph): Graph =>
  rewrite(graph, (node) => (isOpen(node) ? relu(node.inputs[0]) : node));

const isOpen = ({ op }: Tensor): boolean => op.name === "alias";

/** Whether a shift passes ReLUs, and each of them as a multiple of T: behind weights, units are mixed. */
function passesRelus({ giver, signals }: ShiftSite): boolean {
  const base = signals.get(giver.tensor)?.base;
  const passed = [...signals].filter(([node]) => isOpen(node));
  return passed.length > 0 && passed.every(([, signal]) => signal.base === base && !signal.isData);
}

interface Data {
  readonly calibration: readonly Batch[];
  readonly heldOut: readonly Batch[];
  readonly deviations?: number | undefined;
}

interface Absorption {
  /** What is taken from each unit's bias. */
  readonly c: Float64Array;
  /** How many values the units with c > 0 have on the held-out data, and how many of them are clipped. */
  readonly values: number;
  readonly below: number;
}

/** Measures the values before the ReLUs that a shift passes. */
async function absorbed<P>(
  found: FoundShifts,
  site: ShiftSite,
  params: P,
  { calibration, heldOut, deviations }: Data,
): Promise<Absorption> {
  const { size } = site.generator;
  const before = [...site.signals.keys()].filter(isOpen).map(({ inputs: [z] }) => z);
  const open = { inputs: found.inputs, outputs: before.map((tensor, k) => ({ name: `z${k}`, tensor })) };
  const arrays = { ...namedArrays({ params }), ...pieceArrays(found.pieces, namedArrays(params)) };
  const giver = giverName(found, site);
  // Without ReLUs, a shift changes each value by a multiple of its unit's T.
  const linear = await valuesOf(open, arrays);
  const actual = await valuesOf(withRelus(open), arrays);
  try {
    const [first] = calibration;
    const { factors, units } = await probedUnits(giver, arrays[giver], site, (changed) =>
      linear.at(first, changed),
    );
    const visit = async (batches: readonly Batch[], f: (unit: number, z: number, factor: number) => void) => {
      for (const batch of batches) {
        const z = await actual.at(batch);
        for (let e = 0; e < z.length; e++) if (factors[e] !== 0) f(units[e], z[e] / factors[e], factors[e]);
      }
    };
    const statistics = Array.from({ length: size }, () => ({
      least: Infinity,
      count: 0,
      sum: 0,
      squares: 0,
    }));
    await visit(calibration, (unit, z, factor) => {
      const own = statistics[unit];
      own.count++;
      own.sum += z;
      own.squares += z * z;
      own.least = Math.min(own.least, z);
      // A ReLU of the negative would have to take larger values: the unit stays.
      if (factor < 0) own.least = Number.NaN;
    });
    const c = Float64Array.from(statistics, ({ least, count, sum, squares }) => {
      const mean = sum / count;
      const deviation = Math.sqrt(Math.max(0, squares / count - mean ** 2));
      const bound = deviations === undefined ? least : mean - deviations * deviation;
      return Number.isFinite(least + bound) ? Math.max(0, bound) : 0;
    });
    let [values, below] = [0, 0];
    await visit(heldOut, (unit, z) => {
      if (c[unit] === 0) return;
      values++;
      if (z < c[unit]) below++;
    });
    return { c, values, below };
  } finally {
    await Promise.all([linear.dispose(), actual.dispose()]);
  }
}

/** The outputs of a graph, one after another, of some parameters. */
async function valuesOf(graph: Graph, given: Readonly<Record<string, NdArray>>) {
  const run = await compile(graph, { dtype: "float64" });
  return {
    async at(batch: Batch, changed: Readonly<Record<string, NdArray>> = {}): Promise<Float64Array> {
      const results = await run.run({ ...given, ...namedArrays({ batch }), ...changed });
      return Float64Array.from(
        graph.outputs.flatMap(({ name }) => Array.from(results[name].data as Float64Array)),
      );
    },
    dispose: () => run.dispose(),
  };
}

/** The largest relative change of results. */
async function driftOf<P>(f: BatchLoss<P>, params: P, moved: P, batches: readonly Batch[]): Promise<number> {
  const { graph } = trace(({ params: p, batch: b }) => ({ value: f(p, b) }), { params, batch: batches[0] });
  const run = await valuesOf(graph, {});
  try {
    const results = async (p: P) => {
      const all: NdArray[] = [];
      for (const batch of batches) {
        const data = await run.at(batch, namedArrays({ params: p }));
        all.push({ shape: [data.length], data });
      }
      return all;
    };
    return differenceOf("absorbedBiases", "result", await results(params), await results(moved)).relative;
  } finally {
    await run.dispose();
  }
}
