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
  /** Heads of keys and values, which groups of those of queries share; default as many. */
  readonly keyHeads?: number;
  readonly vocabulary?: number;
  readonly length?: number;
  readonly norm?: "layer" | "rms";
  /** One node a norm: LayerNormalization from operator set 17 on, RMSNormalization from 23 on. */
  readonly fused?: boolean;
  /** Where norms are: before each block, behind its sum, or before the block and behind it. */
  readonly place?: "pre" | "post" | "both";
  /** Whether the head is the transposed table of tokens. */
  readonly tied?: boolean;
  /** Attention and MLP read the same norm. */
  readonly parallel?: boolean;
  readonly mlp?: "relu" | "gelu" | "gated" | "experts" | "gated experts" | "clamped experts";
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
  length = 8,
  seed = 0,
}: TransformerOptions = {}): Arrays {
  const ids = int64(
    Array.from({ length: 2 * length }, (_, i) => (13 * i + 5 * seed) % 64),
    [2, length],
  );
  if (encoder === false) return { ids };
  if (encoder === true) return { source: ids, ids };
  const shape = encoder === "audio" ? [2, 16, 2 * length] : [2, 3, 8, 8];
  const rng = createRng(seed);
  return { source: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) }, ids };
}

/** Inputs `ids` (and `source`) [2, length] of int64, output `logits` [2, length, vocabulary]. */
export function transformer(options: TransformerOptions = {}): Uint8Array {
  const {
    seed = 0,
    opset = 18,
    width = 32,
    layers = 2,
    heads = 4,
    keyHeads = heads,
    vocabulary = 64,
    length = 8,
    norm = "layer",
    fused = false,
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
  let isLayer = norm === "layer";
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
    return isLayer ? node("Add", [y, weight(`${name}.bias`, [to], 0.02)]) : y;
  };
  const turned = (y: string, perm: readonly number[]) => node("Transpose", [y], { perm: ints(perm) });
  const size = width / heads;
  const groups = heads / keyHeads;
  const attention = (x: string, memory: string, name: string, isCausal: boolean): string => {
    const own = (y: string, what: string, groupsOf: number) => {
      const wide = linear(y, `${name}.${what}`, width, keyHeads * groupsOf * size);
      const apart = node("Reshape", [wide, list([0, 0, keyHeads, groupsOf, size])]);
      return keyNorms && what !== "v" ? normed(apart, `${name}.${what}.norm`, size) : apart;
    };
    const q = turned(own(x, "q", groups), [0, 2, 3, 1, 4]);
    const k = turned(own(memory, "k", 1), [0, 2, 3, 4, 1]);
    const v = turned(own(memory, "v", 1), [0, 2, 3, 1, 4]);
    const scores = node("Mul", [node("MatMul", [q, k]), number(1 / Math.sqrt(size))]);
    const masked = isCausal ? node("Add", [scores, mask()]) : scores;
    const softmax = (x: string) => node("Softmax", [x], { axis: int(opset < 13 ? 4 : -1) });
    const sunk = (x: string): string => {
      const own = weight(`${name}.sinks`, [1, keyHeads, groups, 1, 1], 1);
      const wide = node("Expand", [own, list([2, keyHeads, groups, length, 1])]);
      const all = softmax(node("Concat", [x, wide], { axis: int(-1) }));
      return node("Slice", [all, list([0]), list([-1]), list([-1])]);
    };
    const shares = sinks ? sunk(masked) : softmax(masked);
    const seen = turned(node("MatMul", [shares, v]), [0, 3, 1, 2, 4]);
    return linear(node("Reshape", [seen, list([0, 0, width])]), `${name}.out`, width, width, 0.5);
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
  const hidden = 4 * width;
  const gelu = (x: string): string =>
    node("Mul", [
      node("Mul", [x, number(0.5)]),
      node("Add", [node("Erf", [node("Mul", [x, number(Math.SQRT1_2)])]), number(1)]),
    ]);
  const block = (x: string, name: string, isPlain = false): string => {
    const up = linear(x, `${name}.up`, width, hidden);
    const gated = (gate: string, value: string) =>
      node("Mul", [node("Mul", [gate, node("Sigmoid", [gate])]), value]);
    const value = () => linear(x, `${name}.value`, width, hidden);
    const clamped = (y: string) => node("Clip", [y, number(-7), number(7)]);
    const active =
      mlp === "clamped experts"
        ? gated(clamped(up), node("Add", [clamped(value()), number(1)]))
        : !isPlain && (mlp === "gated" || mlp === "gated experts")
          ? gated(up, value())
          : mlp === "gelu"
            ? gelu(up)
            : node("Relu", [up]);
    return linear(active, `${name}.down`, hidden, width, 0.5);
  };
  const feedForward = (x: string, name: string): string => {
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
    if (place === "post") return normed(node("Add", [x, planted(f(x), name, layer)]), `${name}.norm`);
    const y = f(normed(x, `${name}.norm`));
    if (place === "pre") return node("Add", [x, planted(y, name, layer)]);
    if (!byGain) return node("Add", [x, planted(normed(y, `${name}.after`), name, layer)]);
    return node("Add", [x, normed(y, `${name}.after`, width, isPlanted(layer) ? outlier : 0)]);
  };
  const tokens = weight("tokens", [vocabulary, width], 0.5);
  const embedded = (ids: string, name: string): string => {
    const own = node("Gather", [tokens, ids]);
    const scaled = scaledTokens ? node("Mul", [own, number(Math.sqrt(width))]) : own;
    return node("Add", [scaled, weight(`${name}positions`, [length, width], 0.1)]);
  };
  const convolved = (
    x: string,
    name: string,
    [from, to, size]: readonly number[],
    stride: number,
  ): string => {
    const axes = name === "patches" ? 2 : 1;
    const w = weight(
      `${name}.weight`,
      [to, from, ...Array<number>(axes).fill(size)],
      1 / Math.sqrt(from * size ** axes),
    );
    const pads = Array<number>(2 * axes).fill(axes === 1 ? 1 : 0);
    return node("Conv", [x, w, weight(`${name}.bias`, [to], 0.02)], {
      pads: ints(pads),
      strides: ints(Array<number>(axes).fill(stride)),
    });
  };
  const heard = (source: string): string => {
    const first = gelu(convolved(source, "conv1", [16, width, 3], 1));
    const frames = gelu(convolved(first, "conv2", [width, width, 3], 2));
    return node("Add", [turned(frames, [0, 2, 1]), weight("frames", [length, width], 0.1)]);
  };
  const looked = (source: string): string => {
    const patches = convolved(source, "patches", [3, width, 4], 4);
    const list4 = turned(node("Reshape", [patches, list([0, 0, -1])]), [0, 2, 1]);
    return node("Add", [list4, weight("places", [4, width], 0.1)]);
  };
  const stack = (start: string, name: string, memory?: string): string => {
    let x = start;
    for (let layer = 0; layer < layers; layer++) {
      const at = `${name}${layer}`;
      const attend = (y: string) => attention(y, y, `${at}.attention`, name === "" && !encoder);
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
  const isPrefix = encoder === "image";
  const start = embedded("ids", "");
  const last = isPrefix
    ? stack(node("Concat", [memory as string, start], { axis: int(1) }), "")
    : stack(start, "", memory);
  const y = scaledHead ? node("Mul", [last, number(width ** -0.5)]) : last;
  const head = tied
    ? node("Transpose", [tokens], { perm: ints([1, 0]) })
    : weight("head", [width, vocabulary], 1 / Math.sqrt(width));
  nodes.push({ opType: "MatMul", inputs: [y, head], outputs: ["logits"], attributes: {} });
  return fileOf({ inputs: transformerInputs(options), initializers, nodes, outputs: ["logits"], opset });
}
