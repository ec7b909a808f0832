// Transformers with random weights, decomposed and fused, as exporters write them.
import { type NdArray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { type AttributeValue, float, int, type OnnxNode } from "isoloss/internal";
import { ints } from "../../core/src/runtime/onnx/schema.js";
import { type Arrays, fileOf } from "../nn/onnx/support.js";

export interface TransformerOptions {
  readonly seed?: number;
  readonly opset?: number;
  readonly width?: number;
  readonly layers?: number;
  readonly heads?: number;
  /** Units of a head; default width / heads. */
  readonly headSize?: number;
  /** Heads of keys and values, which groups of those of queries share; default as many. */
  readonly keyHeads?: number;
  readonly vocabulary?: number;
  readonly length?: number;
  /** Hidden units of an MLP, of each expert; default 4 width. */
  readonly hidden?: number;
  /** Default those of LayerNorm, none with RMSNorm. */
  readonly biases?: boolean;
  /** `relative`: numbers for distances are added to the scores, which are not divided, as in T5. */
  readonly positions?: "learned" | "rotary" | "relative";
  /** Share of a head that rotary positions turn; default all. */
  readonly turned?: number;
  /** Queries, keys and values are one product. */
  readonly fusedQkv?: boolean;
  /**
   * Tokens `ids` (default); `patches` of images `pixels`, behind a class token with the head `class`; `audio`: two convolutions of `features`
   * are the encoder's source.
   */
  readonly stem?: "tokens" | "patches" | "audio";
  /** `class`: of the first element; `pooled`: of its tanh, as in BERT; `probe`: attention by a learned query, as in SigLIP. */
  readonly head?: "tokens" | "class" | "pooled" | "probe";
  readonly norm?: "layer" | "rms";
  /** One node a norm: LayerNormalization from operator set 17 on, RMSNormalization from 23 on. */
  readonly fused?: boolean;
  /** Where norms are: before each block, behind its sum, or before the block and behind it. */
  readonly place?: "pre" | "post" | "both";
  /** Whether the head is the transposed table of tokens. */
  readonly tied?: boolean;
  /** Attention and MLP read the same norm. */
  readonly parallel?: boolean;
  /** `gated` by SiLU, `geglu` by GELU; `experts` are summed, of a `mixture` of 8 gated ones in one tensor two are chosen. */
  readonly mlp?: "relu" | "gelu" | "gated" | "geglu" | "experts" | "mixture";
  /** Norms of queries and keys. */
  readonly keyNorms?: boolean;
  /** Tokens times sqrt(width), as Gemma has them. */
  readonly scaledTokens?: boolean;
  /** An encoder whose result the decoder's layers read, too. */
  readonly encoder?: boolean;
  /** Constants in nodes. */
  readonly constants?: boolean;
  readonly epsilon?: number;
  /** Channel 3 of the stream gets it half way, channel 5 half of it, of the other sign: by what is added behind a block. */
  readonly outlier?: number;
  /** By the gain of the norm behind a block instead. */
  readonly byGain?: boolean;
}

function plant({ data }: NdArray, size: number): void {
  data[3] = size;
  data[5] = -size / 2;
}

/**
 * The bytes of a file. Inputs `ids` (and an encoder's `source`) [2, length] of int64, `pixels` [2, 3, 6, 6] or `features` [2, 5, 2 length] of
 * floats; output `logits` [2, length, vocabulary] or, of other heads, [2, vocabulary].
 */
export function transformer(options: TransformerOptions = {}): Uint8Array {
  const {
    seed = 0,
    opset = 18,
    width = 32,
    layers = 2,
    heads = 4,
    headSize: size = width / heads,
    keyHeads = heads,
    vocabulary = 64,
    length: tokensLength = 8,
    hidden = 4 * width,
    norm = "layer",
    biases = norm === "layer",
    positions = "learned",
    turned: share = 1,
    fusedQkv = false,
    stem = "tokens",
    head = "tokens",
    fused = false,
    place = "pre",
    tied = false,
    parallel = false,
    mlp = "relu",
    keyNorms = false,
    scaledTokens = false,
    encoder = false,
    constants = false,
    epsilon = 1e-5,
    outlier = 0,
    byGain = false,
  } = options;
  const length = stem === "patches" ? 9 + (head === "class" ? 1 : 0) : tokensLength;
  const rng = createRng(seed);
  const initializers: Record<string, NdArray> = {};
  const nodes: OnnxNode[] = [];
  let count = 0;
  const node = (
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
  ): string => {
    const output = `${opType.toLowerCase()}_${count++}`;
    nodes.push({ opType, inputs, outputs: [output], attributes });
    return output;
  };
  const stored = (name: string, value: NdArray): string => {
    initializers[name] = value;
    return name;
  };
  const numbers = new Map<number, string>();
  /** A constant that all its readers share. */
  const number = (value: number): string => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    const own = constants
      ? node("Constant", [], { value_float: float(value) })
      : stored(`number_${numbers.size}`, { shape: [], data: Float32Array.of(value) });
    numbers.set(value, own);
    return own;
  };
  const draw = (shape: readonly number[], scale: number, mean = 0): NdArray => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => mean + scale * rng.normal()),
  });
  const weight = (name: string, shape: readonly number[], scale: number, mean = 0): string =>
    stored(name, draw(shape, scale, mean));
  const list = (values: readonly number[]): string =>
    stored(`list_${count++}`, { shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  const mean = (x: string): string =>
    opset < 18
      ? node("ReduceMean", [x], { axes: ints([-1]), keepdims: int(1) })
      : node("ReduceMean", [x, list([-1])], { keepdims: int(1) });
  const isLayer = norm === "layer";
  const normed = (x: string, name: string, size = width, planted = 0): string => {
    const gains = draw([size], 0.1, 1);
    if (planted !== 0) plant(gains, planted);
    const g = stored(`${name}.gain`, gains);
    const b = isLayer ? [weight(`${name}.bias`, [size], 0.05)] : [];
    if (fused && opset >= (isLayer ? 17 : 23)) {
      const own = isLayer ? "LayerNormalization" : "RMSNormalization";
      return node(own, [x, g, ...b], { axis: int(-1), epsilon: float(epsilon) });
    }
    const centered = isLayer ? node("Sub", [x, mean(x)]) : x;
    const square = rng.next() < 0.5 ? node("Mul", [centered, centered]) : node("Pow", [centered, number(2)]);
    const root = node("Sqrt", [node("Add", [mean(square), number(epsilon)])]);
    const unit =
      rng.next() < 0.5
        ? node("Div", [centered, root])
        : node("Mul", [centered, node("Div", [number(1), root])]);
    const scaled = node("Mul", [unit, g]);
    return b.length === 0 ? scaled : node("Add", [scaled, ...b]);
  };
  const linear = (x: string, name: string, from: number, to: number, scale = 1): string => {
    const y = node("MatMul", [x, weight(`${name}.weight`, [from, to], scale / Math.sqrt(from))]);
    return biases ? node("Add", [y, weight(`${name}.bias`, [to], 0.02)]) : y;
  };
  const groups = heads / keyHeads;
  const transposed = (y: string, perm: readonly number[]) => node("Transpose", [y], { perm: ints(perm) });
  const cut = (y: string, axis: number, start: number, end: number) =>
    node("Slice", [y, list([start]), list([end]), list([axis])]);
  const tables = new Map<string, string>();
  /** Cosines (or sines) of position times frequency [length, part], as exporters compute them. */
  const table = (opType: "Cos" | "Sin", part: number): string => {
    const known = tables.get(opType);
    if (known !== undefined) return known;
    const half = part / 2;
    const frequencies = Float32Array.from({ length: half }, (_, k) => 100 ** (-k / half));
    const places = stored("places", {
      shape: [length, 1],
      data: BigInt64Array.from({ length }, (_, k) => BigInt(k)),
    });
    const angles =
      tables.get("angles") ??
      node("Mul", [
        node("Cast", [places], { to: int(1) }),
        stored("frequencies", { shape: [half], data: frequencies }),
      ]);
    tables.set("angles", angles);
    const made = node(opType, [node("Concat", [angles, angles], { axis: int(-1) })]);
    tables.set(opType, made);
    return made;
  };
  /** The first part of each head turned by its position, in pairs half the part apart. */
  const rotary = (y: string): string => {
    const part = share * size;
    const own = part < size ? cut(y, 3, 0, part) : y;
    const other = [node("Neg", [cut(own, 3, part / 2, part)]), cut(own, 3, 0, part / 2)];
    const sum = node("Add", [
      node("Mul", [own, table("Cos", part)]),
      node("Mul", [node("Concat", other, { axis: int(3) }), table("Sin", part)]),
    ]);
    return part < size ? node("Concat", [sum, cut(y, 3, part, size)], { axis: int(3) }) : sum;
  };
  const byDistance = new Map<string, string>();
  /** Numbers for up to 4 distances, the same in all layers of a stack: [heads, length, length]. */
  const distances = (stack: string): string => {
    const known = byDistance.get(stack);
    if (known !== undefined) return known;
    const near = Array.from({ length: length ** 2 }, (_, k) =>
      Math.min(3, Math.abs(Math.floor(k / length) - (k % length))),
    );
    const at = stored("near", { shape: [length, length], data: BigInt64Array.from(near, BigInt) });
    const rows = node("Gather", [weight(`${stack}distances`, [4, heads], 0.5), at]);
    const own = transposed(rows, [2, 0, 1]);
    byDistance.set(stack, own);
    return own;
  };
  const attention = (x: string, memory: string, name: string, isCausal: boolean): string => {
    const counts = { q: heads, k: keyHeads, v: keyHeads };
    const [q, k, v] = (() => {
      if (!fusedQkv) {
        return (["q", "k", "v"] as const).map((what) =>
          linear(what === "q" ? x : memory, `${name}.${what}`, width, counts[what] * size),
        );
      }
      const all = linear(x, `${name}.qkv`, width, (heads + 2 * keyHeads) * size);
      const ends = [0, heads, heads + keyHeads, heads + 2 * keyHeads].map((n) => n * size);
      return [0, 1, 2].map((i) => cut(all, 2, ends[i], ends[i + 1]));
    })();
    const apart = (y: string, what: "q" | "k" | "v"): string => {
      const own = node("Reshape", [y, list([0, 0, counts[what], size])]);
      const unit = keyNorms && what !== "v" ? normed(own, `${name}.${what}.norm`, size) : own;
      const first = transposed(unit, [0, 2, 1, 3]);
      const placed = positions === "rotary" && what !== "v" ? rotary(first) : first;
      if (counts[what] === heads) return placed;
      // As exporters repeat the heads that groups of queries share.
      const single = node("Reshape", [placed, list([0, keyHeads, 1, -1, size])]);
      const repeated = node("Expand", [single, list([1, 1, groups, 1, 1])]);
      return node("Reshape", [repeated, list([0, heads, -1, size])]);
    };
    const products = node("MatMul", [apart(q, "q"), transposed(apart(k, "k"), [0, 1, 3, 2])]);
    const scores =
      positions === "relative"
        ? memory === x
          ? node("Add", [products, distances(name.startsWith("encoder.") ? "encoder." : "")])
          : products
        : node("Mul", [products, number(1 / Math.sqrt(size))]);
    const masked = isCausal ? node("Add", [scores, mask()]) : scores;
    const shares = node("Softmax", [masked], { axis: int(opset < 13 ? 3 : -1) });
    const seen = transposed(node("MatMul", [shares, apart(v, "v")]), [0, 2, 1, 3]);
    return linear(
      node("Reshape", [seen, list([0, -1, heads * size])]),
      `${name}.out`,
      heads * size,
      width,
      0.5,
    );
  };
  let causal = "";
  const mask = (): string => {
    if (causal !== "") return causal;
    const data = Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e4 : 0,
    );
    causal = stored("mask", { shape: [length, length], data });
    return causal;
  };
  const gelu = (x: string): string =>
    node("Mul", [
      node("Mul", [x, number(0.5)]),
      node("Add", [node("Erf", [node("Mul", [x, number(Math.SQRT1_2)])]), number(1)]),
    ]);
  const silu = (x: string): string => node("Mul", [x, node("Sigmoid", [x])]);
  const block = (x: string, name: string, isPlain = false): string => {
    const up = linear(x, `${name}.up`, width, hidden);
    const isGated = (mlp === "gated" || mlp === "geglu") && !isPlain;
    const active = isGated
      ? node("Mul", [(mlp === "gated" ? silu : gelu)(up), linear(x, `${name}.value`, width, hidden)])
      : mlp === "gelu"
        ? gelu(up)
        : node("Relu", [up]);
    return linear(active, `${name}.down`, hidden, width, 0.5);
  };
  /** Two of 8 gated experts for each token, weighted by the softmax of their scores. */
  const mixture = (x: string, name: string): string => {
    const experts = 8;
    const scores = node("MatMul", [x, weight(`${name}.router`, [width, experts], 1 / Math.sqrt(width))]);
    const [best, places] = [`${name}.best`, `${name}.places`];
    nodes.push({
      opType: "TopK",
      inputs: [scores, list([2])],
      outputs: [best, places],
      attributes: { axis: int(-1) },
    });
    const chosen = node("GreaterOrEqual", [scores, cut(best, 2, 1, 2)]);
    const shares = node("Softmax", [node("Where", [chosen, scores, number(-1e4)])], { axis: int(-1) });
    const wide = node("Reshape", [x, list([0, 1, -1, width])]);
    const each = (y: string, what: string, from: number, to: number, scale = 1) =>
      node("MatMul", [y, weight(`${name}.${what}`, [experts, from, to], scale / Math.sqrt(from))]);
    const active = node("Mul", [silu(each(wide, "gate", width, hidden)), each(wide, "up", width, hidden)]);
    const all = each(active, "down", hidden, width, 0.5);
    const own = node("Reshape", [transposed(shares, [0, 2, 1]), list([0, experts, -1, 1])]);
    return node("ReduceSum", [node("Mul", [all, own]), list([1])], { keepdims: int(0) });
  };
  const feedForward = (x: string, name: string): string => {
    if (mlp === "mixture") return mixture(x, name);
    if (mlp !== "experts") return block(x, name);
    const experts = [0, 1].map((e) => {
      const router = weight(`${name}.${e}.router`, [width, 1], 1 / Math.sqrt(width));
      return node("Mul", [node("Sigmoid", [node("MatMul", [x, router])]), block(x, `${name}.${e}`, true)]);
    });
    return node("Add", experts);
  };
  const isPlanted = (layer: number) => outlier !== 0 && layer === Math.floor(layers / 2);
  const planted = (x: string, name: string, layer: number): string => {
    if (!isPlanted(layer)) return x;
    const bias = { shape: [width], data: new Float32Array(width) };
    plant(bias, outlier);
    return node("Add", [x, stored(`${name}.outlier`, bias)]);
  };
  const residual = (x: string, name: string, f: (y: string) => string, layer: number): string => {
    if (place === "post") return normed(node("Add", [x, planted(f(x), name, layer)]), `${name}.norm`);
    const y = f(normed(x, `${name}.norm`));
    if (place === "pre") return node("Add", [x, planted(y, name, layer)]);
    if (!byGain) return node("Add", [x, planted(normed(y, `${name}.after`), name, layer)]);
    return node("Add", [x, normed(y, `${name}.after`, width, isPlanted(layer) ? outlier : 0)]);
  };
  const tokens = stem === "patches" ? "" : weight("tokens", [vocabulary, width], 0.5);
  const placed = (x: string, name: string): string =>
    positions === "learned" ? node("Add", [x, weight(`${name}positions`, [length, width], 0.1)]) : x;
  const embedded = (ids: string, name: string): string => {
    const rows = node("Gather", [tokens, ids]);
    const scaled = scaledTokens ? node("Mul", [rows, number(Math.sqrt(width))]) : rows;
    const x = placed(scaled, name);
    return head === "pooled" ? normed(x, `${name}embedded`) : x;
  };
  const conv = (x: string, name: string, from: number, sizes: readonly number[], stride: number): string => {
    const kernel = weight(`${name}.weight`, [width, from, ...sizes], 1 / Math.sqrt(from * sizes[0]));
    const pad = sizes.length === 1 ? [1, 1] : [0, 0, 0, 0];
    return node("Conv", [x, kernel, weight(`${name}.bias`, [width], 0.02)], {
      kernel_shape: ints(sizes),
      strides: ints(sizes.map(() => stride)),
      pads: ints(pad),
    });
  };
  const patches = (): string => {
    const flat = node("Reshape", [conv("pixels", "patches", 3, [2, 2], 2), list([0, width, -1])]);
    const own = transposed(flat, [0, 2, 1]);
    if (head !== "class") return placed(own, "");
    const first = node("Expand", [weight("class", [1, 1, width], 0.5), list([2, 1, 1])]);
    return placed(node("Concat", [first, own], { axis: int(1) }), "");
  };
  const audio = (): string => {
    const heard = gelu(conv("features", "stem0", 5, [3], 1));
    return placed(transposed(gelu(conv(heard, "stem1", width, [3], 2)), [0, 2, 1]), "encoder.");
  };
  const stack = (start: string, name: string, memory?: string): string => {
    let x = start;
    for (let layer = 0; layer < layers; layer++) {
      const at = `${name}${layer}`;
      const attend = (y: string) => attention(y, y, `${at}.attention`, name === "" && head === "tokens");
      if (parallel) {
        x = residual(x, at, (y) => node("Add", [attend(y), feedForward(y, `${at}.mlp`)]), layer);
        continue;
      }
      x = residual(x, `${at}.attended`, attend, -1);
      if (memory !== undefined) {
        x = residual(x, `${at}.cross`, (y) => attention(y, memory, `${at}.crossing`, false), -1);
      }
      x = residual(x, `${at}.mixed`, (y) => feedForward(y, `${at}.mlp`), layer);
    }
    return place === "post" ? x : normed(x, `${name}final`);
  };
  const source = () => (stem === "audio" ? audio() : embedded("source", "encoder."));
  const memory = encoder ? stack(source(), "encoder.") : undefined;
  const y = stack(stem === "patches" ? patches() : embedded("ids", ""), "", memory);
  /** What the last product reads. */
  const read = (): string => {
    if (head === "tokens") return y;
    if (head === "probe") {
      const probe = node("Expand", [weight("probe", [1, 1, width], 0.5), list([2, 1, 1])]);
      const seen = attention(probe, y, "pool", false);
      const own = node("Add", [seen, block(normed(seen, "pool.norm"), "pool.mlp")]);
      return node("Reshape", [own, list([2, width])]);
    }
    const first = node("Reshape", [cut(y, 1, 0, 1), list([-1, width])]);
    return head === "class" ? first : node("Tanh", [linear(first, "pooler", width, width)]);
  };
  const last = read();
  const matrix = tied
    ? node("Transpose", [tokens], { perm: ints([1, 0]) })
    : weight("head", [width, vocabulary], 1 / Math.sqrt(width));
  nodes.push({ opType: "MatMul", inputs: [last, matrix], outputs: ["logits"], attributes: {} });
  const given = { shape: [2, length], data: new BigInt64Array(2 * length) };
  const floats = (shape: readonly number[]): NdArray => ({ shape, data: new Float32Array(sizeOf(shape)) });
  const ids: Arrays = stem === "patches" ? { pixels: floats([2, 3, 6, 6]) } : { ids: given };
  const sources: Arrays = stem === "audio" ? { features: floats([2, 5, 2 * length]) } : { source: given };
  const inputs: Arrays = encoder ? { ...sources, ...ids } : ids;
  return fileOf({ inputs, initializers, nodes, outputs: ["logits"], opset });
}

/**
 * Small transformers with the structure and about the ratios of sizes of published ones: heads and groups, positions, norms,
 * MLPs, stems and heads. Weights are random.
 */
export const architectures: Readonly<Record<string, TransformerOptions>> = {
  "GPT-2": { fusedQkv: true, mlp: "gelu", tied: true },
  Llama: { norm: "rms", positions: "rotary", mlp: "gated", hidden: 84 },
  "Gemma 3": {
    ...{ norm: "rms", place: "both", positions: "rotary", mlp: "geglu", keyNorms: true, tied: true },
    ...{ width: 36, headSize: 8, keyHeads: 1, hidden: 216, scaledTokens: true },
  },
  T5: {
    ...{ norm: "rms", positions: "relative", mlp: "geglu", encoder: true },
    ...{ heads: 3, headSize: 8, hidden: 64 },
  },
  Whisper: { stem: "audio", encoder: true, mlp: "gelu", tied: true },
  BERT: { place: "post", mlp: "gelu", head: "pooled" },
  "Qwen 3": {
    ...{ norm: "rms", positions: "rotary", mlp: "gated", keyNorms: true },
    ...{ heads: 8, keyHeads: 4, headSize: 8, hidden: 96 },
  },
  Phi: { positions: "rotary", turned: 0.4, parallel: true, mlp: "gelu", width: 40 },
  ViT: { stem: "patches", head: "class", mlp: "gelu" },
  Mixtral: { norm: "rms", positions: "rotary", mlp: "mixture", heads: 8, keyHeads: 2, hidden: 48 },
  Mistral: { norm: "rms", positions: "rotary", mlp: "gated", heads: 8, keyHeads: 2, hidden: 112 },
  SigLIP: { stem: "patches", head: "probe", mlp: "gelu" },
};
