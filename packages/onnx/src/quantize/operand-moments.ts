// Second moments of what a layer multiplies its weight with: what GPTQ (layer-rounding.ts) needs to know of the calibration.
import { type Compiled, jit, type NdArray, type RuntimeName, sizeOf, type Tensor } from "isoloss";
import { float64Of, type OnnxNode, windowLength } from "isoloss/internal";
import { add, matmul, transpose } from "isoloss/ops";
import { halves } from "../import/operators/geometry.js";
import { int, ints, string } from "../model-file/prepare/attributes.js";
import { partsOf, type WeightUnits } from "./layer-rounding.js";

/** Numbers of a part, where blocks allow: the time for moments and their factor grows with the square and the third power. */
const LARGEST_PART = 1024;

/**
 * The units of a Conv, Gemm or MatMul; undefined for other layers, and for a Gemm that transposes its operand.
 *
 * @param blockSize inputs that share a scale, or 1: parts do not divide them
 */
export function unitsOf(
  node: OnnxNode,
  shape: readonly number[],
  outAxis: number,
  blockSize: number,
): WeightUnits | undefined {
  if (node.opType === "ConvTranspose" || int(node, "transA", 0) === 1) return undefined;
  const groups = int(node, "group", 1);
  const isByUnit = outAxis === 0;
  const count = shape[outAxis] / groups;
  const n = sizeOf(shape) / shape[outAxis];
  const together = blockSize * sizeOf(shape.slice(2));
  const parts = Math.ceil(n / (together * Math.max(1, Math.floor(LARGEST_PART / together))));
  // Parts of one length: their third powers are less than those of long ones and a rest.
  const m = Math.min(n, together * Math.ceil(n / (together * parts)));
  return { groups, count, n, m, unitStride: isByUnit ? n : 1, stride: isByUnit ? 1 : count };
}

/** Rows of operands that one product sums up. */
const ROWS = 256;

/** Rows of operands that are enough for the m^2 / 2 moments of a part. */
const enough = (m: number): number => Math.max(2048, 8 * m);

/** The golden ratio, whose multiples fall evenly between 0 and 1. */
const PHI = (1 + Math.sqrt(5)) / 2;

/**
 * Sums up the second moments x x' of what the units of a layer multiply, [groups, parts, m, m]. A convolution's rows x are its windows; of
 * very many a part is taken, evenly.
 */
export class OperandMoments {
  readonly #rows: Float64Array;
  /** Where the numbers of each channel are in the first row of its cell: blocks and parts divide none. */
  readonly #starts: Int32Array;
  readonly #sum: Float64Array;
  #filled = 0;
  /** Rows so far. */
  count = 0;
  #product: Compiled<[NdArray, NdArray], Tensor> | undefined;

  /** @param batches how many there are of all operands */
  constructor(
    readonly node: OnnxNode,
    readonly weightShape: readonly number[],
    readonly units: WeightUnits,
    readonly batches: number,
    readonly runtime: RuntimeName,
  ) {
    const { groups, n, m } = units;
    const parts = partsOf(units);
    const cells = groups * parts;
    this.#rows = new Float64Array(cells * ROWS * m);
    const reads = node.opType === "Conv" ? sizeOf(weightShape.slice(2)) : 1;
    this.#starts = Int32Array.from({ length: (groups * n) / reads }, (_, channel) => {
      const [group, i] = [Math.floor((channel * reads) / n), (channel * reads) % n];
      return (group * parts + Math.floor(i / m)) * ROWS * m + (i % m);
    });
    this.#sum = new Float64Array(cells * m * m);
  }

  async add(x: NdArray): Promise<void> {
    const { n, m } = this.units;
    const own = this.node.opType === "Conv" ? windows(this.node, this.weightShape, x) : rowsOf(x, n);
    const { total, reads } = own;
    const count = Math.min(total, Math.ceil(enough(m) / this.batches));
    const places = new Int32Array(ROWS * reads);
    for (let k = 0; k < count; ) {
      const size = Math.min(ROWS - this.#filled, count - k);
      for (let i = 0; i < size; i++, k++) {
        own.locate(count === total ? k : Math.floor(((k * PHI) % 1) * total), places, i * reads);
      }
      this.#copy(own, x.data as Float32Array, places, size);
      if (this.#filled === ROWS) await this.#flush();
    }
    this.count += count;
  }

  /** Copies rows, channel by channel: what is read and written is then near. */
  #copy({ reads, stride }: Rows, floats: Float32Array, places: Int32Array, size: number): void {
    const { m } = this.units;
    const [rows, starts] = [this.#rows, this.#starts];
    for (let c = 0, from = 0; c < starts.length; c++, from += stride) {
      for (let i = 0, at = 0, to = starts[c] + this.#filled * m; i < size; i++, to += m) {
        for (let r = 0; r < reads; r++, at++) rows[to + r] = places[at] < 0 ? 0 : floats[from + places[at]];
      }
    }
    this.#filled += size;
  }

  /** The means over the rows so far, which begin anew. */
  async take(): Promise<{ readonly means: Float64Array; readonly count: number }> {
    if (this.#filled > 0) await this.#flush();
    const { count } = this;
    const means = this.#sum.map((sum) => sum / count);
    this.#sum.fill(0);
    this.count = 0;
    return { means, count };
  }

  async dispose(): Promise<void> {
    await this.#product?.dispose();
  }

  async #flush(): Promise<void> {
    const { groups, m } = this.units;
    const cells = groups * partsOf(this.units);
    const sum: NdArray = { shape: [cells, m, m], data: this.#sum };
    const rows: NdArray = { shape: [cells, ROWS, m], data: this.#rows };
    this.#product ??= await jit((before, x) => add(before, matmul(transpose(x, [0, 2, 1]), x)), [sum, rows], {
      runtime: this.runtime,
    });
    this.#sum.set(float64Of((await this.#product(sum, rows)).data));
    this.#rows.fill(0);
    this.#filled = 0;
  }
}

/** What a layer multiplies its weight with, row by row: `reads` numbers of each channel. */
interface Rows {
  readonly total: number;
  readonly reads: number;
  /** From a channel's numbers to those of the next one. */
  readonly stride: number;
  /** Finds where a row's numbers of the first channel are; -1 for a zero around an operand. */
  readonly locate: (row: number, places: Int32Array, at: number) => void;
}

const rowsOf = ({ shape }: NdArray, n: number): Rows => ({
  total: sizeOf(shape) / n,
  reads: 1,
  stride: 1,
  locate(row, places, at) {
    places[at] = row * n;
  },
});

/** The windows of a convolution. */
function windows(node: OnnxNode, [, , ...kernel]: readonly number[], { shape }: NdArray): Rows {
  const [batch, channels, ...space] = shape;
  const rank = space.length;
  const strides = ints(node, "strides", Array<number>(rank).fill(1));
  const dilations = ints(node, "dilations", Array<number>(rank).fill(1));
  const around = space.map((n, d) => paddingOf(node, d, n, (kernel[d] - 1) * dilations[d] + 1, strides[d]));
  const outer = space.map((n, d) => windowLength(n, kernel[d], strides[d], ...around[d], dilations[d]));
  const [inner, windowsOfOne, reads] = [sizeOf(space), sizeOf(outer), sizeOf(kernel)];
  return {
    total: batch * windowsOfOne,
    reads,
    stride: inner,
    locate(row, places, at) {
      const image = Math.floor(row / windowsOfOne) * channels * inner;
      for (let r = 0; r < reads; r++) {
        // The places of the window and of the read in it, axis by axis from the last one.
        let [window, place, from, size, isInside] = [row % windowsOfOne, r, image, 1, true];
        for (let d = rank - 1; d >= 0; d--) {
          const own = (window % outer[d]) * strides[d] - around[d][0] + (place % kernel[d]) * dilations[d];
          isInside &&= own >= 0 && own < space[d];
          from += own * size;
          size *= space[d];
          window = Math.floor(window / outer[d]);
          place = Math.floor(place / kernel[d]);
        }
        places[at + r] = isInside ? from : -1;
      }
    },
  };
}

function paddingOf(
  node: OnnxNode,
  d: number,
  n: number,
  covered: number,
  stride: number,
): readonly [number, number] {
  const auto = string(node, "auto_pad", "NOTSET");
  if (auto === "VALID") return [0, 0];
  if (auto !== "NOTSET") return halves(auto, (Math.ceil(n / stride) - 1) * stride + covered - n);
  const pads = ints(node, "pads", []);
  return [pads[d] ?? 0, pads[d + pads.length / 2] ?? 0];
}
