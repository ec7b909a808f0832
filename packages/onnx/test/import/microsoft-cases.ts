// Operators of ONNX Runtime's domain, which its optimizer and exporters of transformers write.
import { astype, type NdArray } from "isoloss";
import { float, int, string } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { int64, type Kinds, node } from "isoloss-test-support/nn/onnx/support";
import { floats, ints } from "../../../core/src/runtime/onnx/schema.js";
import type { Attributes, Case } from "./operator-case.js";

const random = (seed: number, ...shape: number[]): NdArray => astype(uniform(seed, shape), "float32");

interface Options {
  readonly outputs?: readonly string[];
  /** Places of operands that are in the file. */
  readonly stored?: readonly number[];
  readonly kinds?: Kinds;
  readonly domain?: string;
}

/** Operands a, b, ...; null: left out. */
function given(
  opType: string,
  operands: readonly (NdArray | null)[],
  attributes: Attributes = {},
  { outputs = ["y"], stored = [], kinds = {}, domain = "com.microsoft" }: Options = {},
): Case {
  const name = (k: number) => (operands[k] ? String.fromCharCode(97 + k) : "");
  const of = (isOwn: (k: number) => boolean) =>
    Object.fromEntries(operands.flatMap((array, k) => (array && isOwn(k) ? [[name(k), array]] : [])));
  const own = node(
    opType,
    operands.map((_, k) => name(k)),
    attributes,
    outputs,
  );
  return {
    inputs: of((k) => !stored.includes(k)),
    initializers: of((k) => stored.includes(k)),
    node: { ...own, domain },
    kinds,
  };
}

const [x, skip, scale, shift, bias] = [
  random(1, 2, 3, 8),
  random(2, 2, 3, 8),
  ...[3, 4, 5].map((k) => random(k, 8)),
];
const ids = int64([0, 4, 2, 3, 3, 1], [2, 3]);
const segments = int64([0, 0, 1, 0, 1, 1], [2, 3]);
const mask = int64([1, 1, 0, 1, 1, 1], [2, 3]);
const [words, places, kinds] = [random(6, 5, 8), random(7, 4, 8), random(8, 2, 8)];
const whole = ["y", "n", "s"];

const norms: Readonly<Record<string, readonly Case[]>> = {
  SimplifiedLayerNormalization: [
    given("SimplifiedLayerNormalization", [x, scale], { epsilon: float(0.1) }, { domain: "" }),
    given("SimplifiedLayerNormalization", [x, scale], {}, { domain: "", outputs: ["y", "i"] }),
  ],
  "com.microsoft.SkipLayerNormalization": [
    given(
      "SkipLayerNormalization",
      [x, skip, scale, shift, bias],
      { epsilon: float(0.1) },
      { outputs: ["y", "", "", "s"] },
    ),
    given("SkipLayerNormalization", [x, random(9, 3, 8), scale]),
    given("SkipLayerNormalization", [x, random(9, 1, 3, 8), scale, null, bias]),
  ],
  "com.microsoft.SkipSimplifiedLayerNormalization": [
    given(
      "SkipSimplifiedLayerNormalization",
      [x, skip, scale, bias],
      { epsilon: float(0.1) },
      { outputs: ["y", "", "", "s"] },
    ),
    given("SkipSimplifiedLayerNormalization", [x, skip, scale]),
  ],
  "com.microsoft.EmbedLayerNormalization": [
    given(
      "EmbedLayerNormalization",
      [ids, segments, words, places, kinds, scale, shift, mask],
      { epsilon: float(0.1) },
      { outputs: whole, kinds: { a: "int32", b: "int32", h: "int32" } },
    ),
    given(
      "EmbedLayerNormalization",
      [ids, null, words, places, null, scale, shift, null, int64([3, 1, 0], [1, 3])],
      {},
      { outputs: whole, kinds: { a: "int32", i: "int32" } },
    ),
  ],
};

const image = random(10, 2, 2, 5, 4);
const filters = random(11, 3, 2, 3, 3);
const convolution = (activation: string, params: readonly number[] = []): Case =>
  given("FusedConv", [image, filters, random(12, 3)], {
    activation: string(activation),
    ...(params.length > 0 ? { activation_params: floats(params) } : {}),
  });

const layers: Readonly<Record<string, readonly Case[]>> = {
  "com.microsoft.BiasGelu": [given("BiasGelu", [x, bias])],
  "com.microsoft.FastGelu": [given("FastGelu", [x, bias]), given("FastGelu", [x])],
  "com.microsoft.Gelu": [given("Gelu", [x])],
  "com.microsoft.QuickGelu": [given("QuickGelu", [x]), given("QuickGelu", [x], { alpha: float(1) })],
  "com.microsoft.FusedMatMul": [
    given("FusedMatMul", [random(13, 2, 4, 3), random(14, 2, 5, 4)], {
      alpha: float(0.5),
      transA: int(1),
      transB: int(1),
    }),
    given("FusedMatMul", [random(15, 3, 2, 4), random(16, 4, 2, 5)], {
      transBatchA: int(1),
      transBatchB: int(1),
    }),
    given("FusedMatMul", [random(17, 4, 2, 3), random(18, 2, 4, 5)], { transBatchA: int(1), transA: int(1) }),
    given("FusedMatMul", [random(19, 4), random(20, 2, 4, 3)], { transA: int(1) }),
  ],
  "com.microsoft.FusedConv": [
    given("FusedConv", [image, filters, random(12, 3), random(21, 2, 3, 5, 4)], {
      activation: string("Tanh"),
      pads: ints([1, 1, 1, 1]),
    }),
    convolution("Relu"),
    convolution("Sigmoid"),
    convolution("LeakyRelu", [0.25]),
    convolution("Clip", [-0.45, 0.9]),
    convolution("HardSigmoid", [0.25, 0.4]),
    given("FusedConv", [image, filters]),
  ],
};

const [q, k, v] = [random(30, 2, 3, 8), random(31, 2, 5, 8), random(32, 2, 5, 6)];
const heads = { num_heads: int(2) };
/** A filter that does not hide what it masks. */
const mild = { ...heads, mask_filter_value: float(-1.5) };
const past = [random(33, 2, 2, 2, 4), random(34, 2, 2, 2, 4)];
const cached = ["y", "keys", "values"];
const multiHead = (
  operands: readonly (NdArray | null)[],
  attributes: Attributes = heads,
  outputs: readonly string[] = ["y"],
) => given("MultiHeadAttention", operands, attributes, { outputs, kinds: { e: "int32", p: "float32" } });

const projection = [random(35, 2, 3, 4), random(36, 4, 24), random(37, 24)];
const self = (
  operands: readonly (NdArray | null)[],
  attributes: Attributes = heads,
  outputs: readonly string[] = ["y"],
) => given("Attention", [...projection, ...operands], attributes, { outputs, kinds: { d: "int32" } });

const [cos, sin] = [random(38, 9, 2), random(39, 9, 2)];
const positions = int64([4, 5, 6, 1, 2, 3], [2, 3]);
const groups = { num_heads: int(4), kv_num_heads: int(2) };
const angles = [random(60, 9, 8), random(61, 9, 8)];
/** Queries of four heads, and keys and values of two, of width 16. */
const grouped = (
  batch: number,
  length: number,
  more: readonly (NdArray | null)[],
  attributes: Attributes = {},
  outputs: readonly string[] = cached,
) =>
  given(
    "GroupQueryAttention",
    [random(40, batch, length, 64), random(41, batch, length, 32), random(42, batch, length, 32), ...more],
    { ...groups, ...attributes },
    { outputs, kinds: { f: "int32", g: "int32" }, stored: [6] },
  );
const rotating = { do_rotary: int(1) };
const buffer = (batch: number, length: number) => [44, 45].map((seed) => random(seed, batch, 2, length, 16));
/** The last places of the sequences, and their largest number. */
const lengths = (ends: readonly number[], total: number) => [int64(ends), int64([total], [1])];
const prompt = [null, null, ...lengths([2, 2], 3)];

const attentions: Readonly<Record<string, readonly Case[]>> = {
  "com.microsoft.MultiHeadAttention": [
    multiHead([q, k, v]),
    multiHead([q, k, v, random(46, 22), int64([1, 1, 0, 1, 0, 1, 0, 1, 1, 1], [2, 5])], mild),
    multiHead([q, k, v, null, int64([4, 2]), random(47, 1, 2, 3, 5)], { ...mild, scale: float(0.3) }),
    multiHead(
      [q, random(48, 2, 3, 8), random(49, 2, 3, 8), null, null, null, ...past],
      { ...heads, unidirectional: int(1) },
      cached,
    ),
    multiHead([q, random(50, 2, 2, 5, 4), random(51, 2, 2, 5, 4), random(46, 24)]),
    multiHead([q, k, v, null, int64([4, 2])], mild, [...cached, "p"]),
  ],
  "com.microsoft.Attention": [
    self([]),
    self([int64([2, 3])], mild),
    self([int64([3, 2, 1, 0])], mild),
    self([int64([1, 0, 1, 1, 1, 1], [2, 3])], { ...mild, unidirectional: int(1) }),
    self([int64([1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1], [2, 3, 3])], {
      ...mild,
      unidirectional: int(1),
    }),
    self([null, random(52, 2, 2, 2, 3, 4)], { ...heads, unidirectional: int(1) }, ["y", "p"]),
    self([null, null, random(53, 2, 1, 3, 3)]),
    self([], { ...heads, qkv_hidden_sizes: ints([8, 8, 8]), scale: float(0.2) }),
  ],
  "com.microsoft.RotaryEmbedding": [
    given("RotaryEmbedding", [random(54, 2, 5, 3, 4), positions, cos, sin]),
    given("RotaryEmbedding", [random(54, 2, 5, 3, 4), int64([3]), cos, sin], { interleaved: int(1) }),
    given("RotaryEmbedding", [random(55, 2, 3, 8), positions, cos, sin], { scale: float(0.5) }),
    given("RotaryEmbedding", [random(56, 2, 3, 12), positions, cos, sin], {
      num_heads: int(2),
      rotary_embedding_dim: int(4),
    }),
  ],
  "com.microsoft.GroupQueryAttention": [
    grouped(2, 3, [...prompt, ...angles], rotating),
    grouped(2, 3, prompt, { softcap: float(0.7), scale: float(0.4) }),
    grouped(2, 3, [...prompt, null, null, null, random(57, 1, 4, 3, 3), random(58, 4)]),
    grouped(2, 3, prompt, { smooth_softmax: int(1), local_window_size: int(1) }),
    given("GroupQueryAttention", [random(59, 2, 3, 128), null, null, ...prompt], groups, {
      outputs: cached,
      kinds: { f: "int32", g: "int32" },
      stored: [6],
    }),
    // One more token: the second sequence has fewer before it. A part of a longer buffer.
    grouped(2, 1, [...buffer(2, 4), ...lengths([4, 4], 5), ...angles], {
      ...rotating,
      rotary_interleaved: int(1),
    }),
    grouped(2, 1, [...buffer(2, 6), ...lengths([4, 2], 5), ...angles], rotating),
    grouped(2, 1, [...buffer(2, 4), ...lengths([4, 2], 5), ...angles], rotating),
    grouped(1, 2, [...buffer(1, 3), ...lengths([4], 5), ...angles], rotating),
    grouped(2, 3, [...buffer(2, 6), ...lengths([2, 1], 3)]),
    grouped(1, 2, [...buffer(1, 3), ...lengths([4], 5)], { causal: int(0) }),
  ],
};

const levels = (seed: number, low: number, high: number, ...shape: number[]): NdArray =>
  astype(astype(uniform(seed, shape, low, high), "float32"), "int64");
const bytes = (seed: number, ...shape: number[]) => levels(seed, 0, 256, ...shape);
const positive = (seed: number, ...shape: number[]) => astype(uniform(seed, shape, 0.01, 0.05), "float32");

/** Weights [3, 40] in blocks of 16 columns. */
const nBits = (bits: number, more: readonly (NdArray | null)[] = [], types: Kinds = {}): Case =>
  given(
    "MatMulNBits",
    [random(62, 2, 3, 40), bytes(63, 3, 3, 2 * bits), positive(64, 3, 3), ...more],
    { N: int(3), K: int(40), block_size: int(16), bits: int(bits) },
    { stored: [1, 2, 3, 5], kinds: { b: "uint8", ...types } },
  );
/** Rows of a table of ten, in blocks of 16 columns. */
const rows = (
  table: NdArray,
  kind: "uint8" | "int4" | "uint4",
  zeros: NdArray | null,
  attributes: Attributes = {},
) =>
  given(
    "GatherBlockQuantized",
    [table, int64([3, 0, 9, 3], [2, 2]), positive(65, 10, 3), zeros],
    { block_size: int(16), ...attributes },
    { stored: [0, 2, 3], kinds: { a: kind, d: kind } },
  );

const fewBits: Readonly<Record<string, readonly Case[]>> = {
  "com.microsoft.MatMulNBits": [
    nBits(4),
    nBits(4, [bytes(66, 3, 2), null, random(67, 3)], { d: "uint8" }),
    nBits(8, [bytes(68, 3, 3)], { d: "uint8" }),
    nBits(2),
    nBits(4, [random(69, 3, 3)]),
  ],
  "com.microsoft.GatherBlockQuantized": [
    rows(levels(70, -8, 8, 10, 48), "int4", null),
    rows(levels(70, -8, 8, 10, 48), "int4", null, { gather_axis: int(1) }),
    rows(levels(71, 0, 16, 10, 40), "uint4", levels(72, 0, 16, 10, 3)),
    rows(bytes(73, 10, 24), "uint8", null),
    rows(bytes(73, 10, 24), "uint8", bytes(74, 10, 2)),
    rows(bytes(75, 10, 48), "uint8", null, { bits: int(8) }),
  ],
};

const scalar = (value: number): NdArray => astype({ shape: [], data: Float64Array.of(value) }, "float32");
const [left, right] = [bytes(76, 2, 3, 4), levels(77, -127, 127, 4, 24)];
const columns = [positive(78, 24), levels(79, -5, 5, 24)];
/** Places of operands in uint8, whose zero points are among them. */
const inBytes = (...names: string[]): Kinds => Object.fromEntries(names.map((name) => [name, "uint8"]));

/** An operator of one operand in uint8, whose result has a scale and a zero point of its own. */
const quantized = (opType: string, attributes: Attributes = {}, [scale, zero] = [0.03, 100]): Case =>
  given(
    opType,
    [bytes(80, 2, 3, 4, 5), scalar(0.02), int64([120], []), scalar(scale), int64([zero], [])],
    attributes,
    { kinds: inBytes("a", "c", "e"), stored: [1, 2, 3, 4] },
  );
const pairOfBytes = (opType: string): Case =>
  given(
    opType,
    [
      ...[bytes(81, 2, 3, 4), scalar(0.02), int64([120], [])],
      ...[bytes(82, 3, 4), scalar(0.01), int64([90], []), scalar(0.04), int64([130], [])],
    ],
    {},
    { kinds: inBytes("a", "c", "d", "f", "h"), stored: [1, 2, 4, 5, 6, 7] },
  );

/** Integers alone: what they compute has no derivative. */
export const integerCases: Readonly<Record<string, readonly Case[]>> = {
  "com.microsoft.DynamicQuantizeMatMul": [
    given(
      "DynamicQuantizeMatMul",
      [random(83, 2, 3, 4), right, ...columns, random(84, 24)],
      {},
      {
        kinds: { b: "int8", d: "int8" },
      },
    ),
    given("DynamicQuantizeMatMul", [random(83, 2, 3, 4), right, scalar(0.02)], {}, { kinds: { b: "int8" } }),
  ],
  "com.microsoft.MatMulIntegerToFloat": [
    given(
      "MatMulIntegerToFloat",
      [left, right, scalar(0.02), columns[0], int64([100], []), columns[1], random(84, 24)],
      {},
      { kinds: { a: "uint8", b: "int8", e: "uint8", f: "int8" } },
    ),
  ],
  "com.microsoft.QAttention": [
    given(
      "QAttention",
      [
        ...[
          left,
          right,
          random(84, 24),
          scalar(0.01),
          columns[0],
          int64([3, 2]),
          int64([100], []),
          columns[1],
        ],
        random(85, 2, 2, 2, 3, 4),
      ],
      { ...heads, unidirectional: int(1) },
      { outputs: ["y", "p"], kinds: { a: "uint8", b: "int8", f: "int32", g: "uint8", h: "int8" } },
    ),
  ],
  "com.microsoft.QLinearAdd": [pairOfBytes("QLinearAdd")],
  "com.microsoft.QLinearAveragePool": [
    quantized("QLinearAveragePool", { kernel_shape: ints([2, 3]), pads: ints([1, 0, 0, 1]) }),
  ],
  "com.microsoft.QLinearConcat": [
    given(
      "QLinearConcat",
      [
        ...[scalar(0.03), int64([100], []), bytes(86, 2, 3), scalar(0.02), int64([120], [])],
        ...[bytes(87, 2, 2), scalar(0.04), int64([90], [])],
      ],
      { axis: int(1) },
      { kinds: inBytes("b", "c", "e", "f", "h"), stored: [0, 1, 3, 4, 6, 7] },
    ),
  ],
  "com.microsoft.QLinearConv": [
    given(
      "QLinearConv",
      [
        ...[bytes(88, 1, 2, 5, 4), scalar(0.02), int64([100], []), levels(89, -127, 127, 3, 2, 3, 3)],
        ...[scalar(0.01), int64([3], []), scalar(0.7), int64([9], []), levels(90, -500, 500, 3)],
      ],
      { pads: ints([1, 1, 1, 1]) },
      {
        kinds: { ...inBytes("a", "c", "h"), d: "int8", f: "int8", i: "int32" },
        stored: [1, 2, 3, 4, 5, 6, 7, 8],
      },
    ),
  ],
  "com.microsoft.QLinearGlobalAveragePool": [quantized("QLinearGlobalAveragePool")],
  "com.microsoft.QLinearLeakyRelu": [quantized("QLinearLeakyRelu", { alpha: float(0.2) })],
  "com.microsoft.QLinearMul": [pairOfBytes("QLinearMul")],
  "com.microsoft.QLinearSigmoid": [quantized("QLinearSigmoid", {}, [1 / 256, 0])],
  "com.microsoft.QLinearSoftmax": [
    quantized("QLinearSoftmax", { axis: int(-1), opset: int(13) }, [1 / 256, 0]),
  ],
  "com.microsoft.QLinearWhere": [
    given(
      "QLinearWhere",
      [
        { shape: [3, 4], data: Uint8Array.from({ length: 12 }, (_, i) => i % 2) },
        ...[bytes(81, 2, 3, 4), scalar(0.02), int64([120], [])],
        ...[bytes(82, 3, 4), scalar(0.01), int64([90], []), scalar(0.033), int64([130], [])],
      ],
      {},
      { kinds: inBytes("b", "d", "e", "g", "i"), stored: [2, 3, 5, 6, 7, 8] },
    ),
  ],
};

export const microsoftCases: Readonly<Record<string, readonly Case[]>> = {
  ...attentions,
  ...fewBits,
  ...layers,
  ...norms,
};
