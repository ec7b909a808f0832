// Transformers with random weights, decomposed and fused, as exporters write them.
import { type NdArray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { type AttributeValue, float, int, type OnnxNode } from "isoloss/internal";
import { ints } from "../../core/src/runtime/onnx/schema.js";
import { type Arrays, fileOf, int64 } from "../nn/onnx/support.js";

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
  /** Tokens `ids` (default), or `patches` of images `pixels`, behind a class token with the head `class`. */
  readonly stem?: "tokens" | "patches";
  /** `class`: of the first element; `pooled`: of its tanh, as in BERT; `probe`: attention by a learned query, as in SigLIP. */
  readonly head?: "tokens" | "class" | "pooled" | "probe";
  readonly norm?: "layer" | "rms";
  /** One node a norm: LayerNormalization from operator set 17 on, RMSNormalization from 23 on. */
  readonly fused?: boolean;
  /** The sum of the stream is inside of the norm behind it, as ONNX Runtime's optimizer writes them: Skip*LayerNormalization. */
  readonly skip?: boolean;
  /** Where norms are: before each block, behind its sum, or before the block and behind it. */
  readonly place?: "pre" | "post" | "both";
  /** Whether the head is the transposed table of tokens. */
  readonly tied?: boolean;
  /** Attention and MLP read the same norm. */
  readonly parallel?: boolean;
  /**
   * `gated` by SiLU, `geglu` by GELU; `experts` are summed, `gated experts` with one that all tokens share, `clamped experts` as in
   * gpt-oss; of a `mixture` of 8 gated ones in one tensor two are chosen.
   */
  readonly mlp?:
    | "relu"
    | "gelu"
    | "gated"
    | "geglu"
    | "experts"
    | "gated experts"
    | "clamped experts"
    | "mixture";
  /** Norms of queries and keys. */
  readonly keyNorms?: boolean;
  /** Tokens times sqrt(width), as Gemma has them. */
  readonly scaledTokens?: boolean;
  /** Numbers that a row of scores has beyond those of the keys, one a head, as gpt-oss has them. */
  readonly sinks?: boolean;
  /** The result of the last norm times width^-1/2, as T5 has it. */
  readonly scaledHead?: boolean;
  /**
   * An encoder whose result the decoder's layers read, too: of a second row of tokens; `audio`: of floats [2, 16, 2 length], by two
   * convolutions and GELUs, as Whisper; `image`: of floats [2, 3, 8, 8], by patches, with norms of the kind `layer`, whose result
   * stands before the tokens instead, as in Qwen3-VL.
   */
  readonly encoder?: boolean | "audio" | "image";
  /** Constants in nodes. */
  readonly constants?: boolean;
  readonly epsilon?: number;
  /** Channel 3 of the stream gets it half way, channel 5 half of it, of the other sign: by what is added behind a block. */
  readonly outlier?: number;
  /** By the gain of the norm behind a block instead. */
  readonly byGain?: boolean;
  /** Clips the stream behind each block to +-bound, as published float16 files do: another function. */
  readonly bound?: number;
}

function plant({ data }: NdArray, size: number): void {
  data[3] = size;
  data[5] = -size / 2;
}

/** The inputs of {@link transformer}: tokens one after the other, and normal numbers for audio and images. */
export function transformerInputs({
  encoder = false,
  stem = "tokens",
  length = 8,
  seed = 0,
}: TransformerOptions = {}): Arrays {
  const rng = createRng(seed);
  const floats = (shape: readonly number[]): NdArray => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()),
  });
  if (stem === "patches") return { pixels: floats([2, 3, 6, 6]) };
  const ids = int64(
    Array.from({ length: 2 * length }, (_, i) => (13 * i + 5 * seed) % 64),
    [2, length],
  );
  if (encoder === false) return { ids };
  if (encoder === true) return { source: ids, ids };
  return { source: floats(encoder === "audio" ? [2, 16, 2 * length] : [2, 3, 8, 8]), ids };
}

/**
 * The bytes of a file. Inputs `ids` (and an encoder's `source`) [2, length] of int64, or `pixels` [2, 3, 6, 6]; output `logits`
 * [2, length, vocabulary] or, of other heads, [2, vocabulary].
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
    biases,
    positions = "learned",
    turned: share = 1,
    fusedQkv = false,
    stem = "tokens",
    head = "tokens",
    fused = false,
    skip = false,
    place = "pre",
    tied = false,
    parallel = false,
    mlp = "relu",
    keyNorms = false,
    scaledTokens = false,
    sinks = false,
    scaledHead = false,
    encoder = false,
    constants = false,
    epsilon = 1e-5,
    outlier = 0,
    byGain = false,
    bound = 0,
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
  const sums = new Map<string, readonly [string, string]>();
  /** The sum of the stream and a block, which with `skip` the norm behind it makes. */
  const summed = (x: string, y: string): string => {
    if (!skip) return node("Add", [x, y]);
    const sum = `sum_${count++}`;
    sums.set(sum, [x, y]);
    return sum;
  };
  let isLayer = norm === "layer";
  const normed = (x: string, name: string, size = width, planted = 0): string => {
    const gains = draw([size], 0.1, 1);
    if (planted !== 0) plant(gains, planted);
    const g = stored(`${name}.gain`, gains);
    const b = isLayer ? [weight(`${name}.bias`, [size], 0.05)] : [];
    const sum = sums.get(x);
    if (sum !== undefined) {
      sums.delete(x);
      const opType = isLayer ? "SkipLayerNormalization" : "SkipSimplifiedLayerNormalization";
      const outputs = [`skip_${count++}`, "", "", x];
      const attributes = { epsilon: float(epsilon) };
      nodes.push({ opType, domain: "com.microsoft", inputs: [...sum, g, ...b], outputs, attributes });
      return outputs[0];
    }
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
    return (biases ?? isLayer) ? node("Add", [y, weight(`${name}.bias`, [to], 0.02)]) : y;
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
    const ends = [0, heads, heads + keyHeads, heads + 2 * keyHeads].map((n) => n * size);
    const all = fusedQkv ? linear(x, `${name}.qkv`, width, ends[3]) : "";
    const projected = (what: "q" | "k" | "v"): string => {
      if (!fusedQkv) return linear(what === "q" ? x : memory, `${name}.${what}`, width, counts[what] * size);
      const at = ["q", "k", "v"].indexOf(what);
      return cut(all, 2, ends[at], ends[at + 1]);
    };
    const apart = (what: "q" | "k" | "v"): string => {
      const own = node("Reshape", [projected(what), list([0, 0, counts[what], size])]);
      const unit = keyNorms && what !== "v" ? normed(own, `${name}.${what}.norm`, size) : own;
      const first = transposed(unit, [0, 2, 1, 3]);
      const placed = positions === "rotary" && what !== "v" ? rotary(first) : first;
      if (counts[what] === heads) return placed;
      // As exporters repeat the heads that groups of queries share.
      const single = node("Reshape", [placed, list([0, keyHeads, 1, -1, size])]);
      const repeated = node("Expand", [single, list([1, 1, groups, 1, 1])]);
      return node("Reshape", [repeated, list([0, heads, -1, size])]);
    };
    const [q, k, v] = (["q", "k", "v"] as const).map(apart);
    const products = node("MatMul", [q, transposed(k, [0, 1, 3, 2])]);
    const scores =
      positions === "relative"
        ? memory === x
          ? node("Add", [products, distances(name.startsWith("encoder.") ? "encoder." : "")])
          : products
        : node("Mul", [products, number(1 / Math.sqrt(size))]);
    const masked = isCausal ? node("Add", [scores, mask()]) : scores;
    const softmax = (x: string) => node("Softmax", [x], { axis: int(opset < 13 ? 3 : -1) });
    const sunk = (x: string): string => {
      const own = weight(`${name}.sinks`, [1, heads, 1, 1], 1);
      const wide = node("Expand", [own, list([2, heads, length, 1])]);
      const all = softmax(node("Concat", [x, wide], { axis: int(-1) }));
      return node("Slice", [all, list([0]), list([-1]), list([-1])]);
    };
    const shares = sinks ? sunk(masked) : softmax(masked);
    const seen = transposed(node("MatMul", [shares, v]), [0, 2, 1, 3]);
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
    const gated = (gate: string, value: string, act = silu) => node("Mul", [act(gate), value]);
    const value = () => linear(x, `${name}.value`, width, hidden);
    const clamped = (y: string) => node("Clip", [y, number(-7), number(7)]);
    const active =
      mlp === "clamped experts"
        ? gated(clamped(up), node("Add", [clamped(value()), number(1)]))
        : mlp === "geglu"
          ? gated(up, value(), gelu)
          : !isPlain && (mlp === "gated" || mlp === "gated experts")
            ? gated(up, value())
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
    if (!mlp.endsWith("experts")) return block(x, name);
    const experts = [0, 1].map((e) => {
      const router = weight(`${name}.${e}.router`, [width, 1], 1 / Math.sqrt(width));
      return node("Mul", [
        node("Sigmoid", [node("MatMul", [x, router])]),
        block(x, `${name}.${e}`, mlp === "experts"),
      ]);
    });
    const sum = node("Add", experts);
    // One that all tokens share, as DeepSeek has it.
    return mlp === "gated experts" ? node("Add", [sum, block(x, `${name}.shared`)]) : sum;
  };
  const isPlanted = (layer: number) => outlier !== 0 && layer === Math.floor(layers / 2);
  const planted = (x: string, name: string, layer: number): string => {
    if (!isPlanted(layer)) return x;
    const bias = { shape: [width], data: new Float32Array(width) };
    plant(bias, outlier);
    return node("Add", [x, stored(`${name}.outlier`, bias)]);
  };
  const clipped = (x: string): string => (bound === 0 ? x : node("Clip", [x, number(-bound), number(bound)]));
  const residual = (x: string, name: string, f: (y: string) => string, layer: number): string =>
    clipped(unbounded(x, name, f, layer));
  const unbounded = (x: string, name: string, f: (y: string) => string, layer: number): string => {
    if (place === "post") return normed(summed(x, planted(f(x), name, layer)), `${name}.norm`);
    const y = f(normed(x, `${name}.norm`));
    if (place === "pre") return summed(x, planted(y, name, layer));
    if (!byGain) return summed(x, planted(normed(y, `${name}.after`), name, layer));
    return summed(x, normed(y, `${name}.after`, width, isPlanted(layer) ? outlier : 0));
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
    const kernel = weight(`${name}.weight`, [width, from, ...sizes], 1 / Math.sqrt(from * sizeOf(sizes)));
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
  const heard = (source: string): string => {
    const first = gelu(conv(source, "conv1", 16, [3], 1));
    const frames = gelu(conv(first, "conv2", width, [3], 2));
    return node("Add", [transposed(frames, [0, 2, 1]), weight("frames", [length, width], 0.1)]);
  };
  const looked = (source: string): string => {
    const flat = node("Reshape", [conv(source, "patches", 3, [4, 4], 4), list([0, 0, -1])]);
    return node("Add", [transposed(flat, [0, 2, 1]), weight("places", [4, width], 0.1)]);
  };
  const stack = (start: string, name: string, memory?: string): string => {
    let x = start;
    for (let layer = 0; layer < layers; layer++) {
      const at = `${name}${layer}`;
      const attend = (y: string) =>
        attention(y, y, `${at}.attention`, name === "" && head === "tokens" && !encoder);
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
  const encoded = (): string => {
    if (encoder === "audio") return stack(heard("source"), "encoder.");
    if (encoder === true) return stack(embedded("source", "encoder."), "encoder.");
    const own = isLayer;
    isLayer = true;
    const seen = linear(stack(looked("source"), "encoder."), "merged", width, width);
    isLayer = own;
    return seen;
  };
  const memory = encoder ? encoded() : undefined;
  const start = stem === "patches" ? patches() : embedded("ids", "");
  const y =
    encoder === "image"
      ? stack(node("Concat", [memory as string, start], { axis: int(1) }), "")
      : stack(start, "", memory);
  /** What the last product reads. */
  const read = (): string => {
    if (head === "tokens") return scaledHead ? node("Mul", [y, number(width ** -0.5)]) : y;
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
  return fileOf({ inputs: transformerInputs(options), initializers, nodes, outputs: ["logits"], opset });
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
  Whisper: { encoder: "audio", mlp: "gelu", tied: true },
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
