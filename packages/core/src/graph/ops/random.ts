import { array, type DType, requireSizes, type Shape, sizeOf } from "../../array.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../../errors.js";
import { hash32 } from "../../math/rng.js";
import { requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { int, type OnnxEmitter, onnxType, text } from "../onnx-rule.js";
import { apply, formatType, type Op, type Tensor } from "../tensor.js";
import { constant } from "./leaf.js";

// Two rounds of multiply and xor-shift, the `lowbias32` family of integer mixers; the same constants as math/rng.ts.
const multipliers = [0x21f0aaad, 0x735a2d97] as const;
const shifts = [16, 15, 15] as const;

/**
 * The number that a stream adds to the seed. Adding the stream's own number would make stream 1 of one step
 * equal to stream 0 of the next step, whose seed is larger by one. Below 2^30, so that the sum with a small
 * seed is an int32.
 */
const offsetOf = (stream: number): number => hash32(stream) >>> 2;

interface RandomAttributes extends Record<string, unknown> {
  /** Of the draws of one stream. */
  readonly shape: Shape;
  readonly dtype: DType;
}

const right = { direction: text("RIGHT") };

function cast32(e: OnnxEmitter, x: string, type: "int32" | "uint32"): string {
  return e.emit("Cast", [x], { to: int(onnxType[type]) });
}

/** ONNX nodes of {@link hash32}: ONNX Runtime shifts only unsigned integers and multiplies only signed ones. */
function emitHash(e: OnnxEmitter, x: string): string {
  const fold = (v: string, by: number) => {
    const shifted = e.emit("BitShift", [cast32(e, v, "uint32"), cast32(e, e.indices([by]), "uint32")], right);
    return e.emit("BitwiseXor", [v, cast32(e, shifted, "int32")]);
  };
  const times = (v: string, factor: number) => e.emit("Mul", [v, cast32(e, e.indices([factor]), "int32")]);
  let v = fold(x, shifts[0]);
  v = fold(times(v, multipliers[0]), shifts[1]);
  return fold(times(v, multipliers[1]), shifts[2]);
}

/** Draws of the streams whose offsets are the second input, [...streams, ...shape]. */
const randomOp: Op<RandomAttributes> = {
  name: "randomUniform",
  infer([seed, offsets], { shape, dtype }) {
    if (seed.dtype !== "int64")
      throw new DTypeError(`randomUniform: the seed must be int64; got ${formatType(seed)}.`);
    if (seed.size !== 1)
      throw new ShapeError(`randomUniform: the seed must be a scalar; got ${formatType(seed)}.`);
    return { shape: [...offsets.shape, ...shape], dtype };
  },
  js: {
    flat: true,
    pull(at, read, { inputs: [seed, offsets] }, { shape }) {
      const [stream, count] = at.reshaped([offsets.size, sizeOf(shape)]).multi;
      const offset = read(1, Index.flat(offsets.shape, stream));
      const key = `hash32(${read(0, Index.flat(seed.shape, Affine.zero))}+${offset})`;
      return `((hash32(hash32(${count})^${key})>>>8)*${2 ** -24})`;
    },
  },
  onnx: {
    emit(e, [seed, offsets], node, { shape }) {
      const sums = e.emit("Cast", [e.emit("Add", [seed, offsets])], { to: int(onnxType.int32) });
      const keys = e.emit("Reshape", [emitHash(e, sums), e.indices([-1, 1])]);
      const range = e.emit(
        "Range",
        [0, sizeOf(shape), 1].map((v) => e.scalar(v, "int64")),
      );
      const counter = emitHash(e, e.emit("Cast", [range], { to: int(onnxType.int32) }));
      const bits = emitHash(e, e.emit("BitwiseXor", [counter, keys]));
      const high = e.emit(
        "BitShift",
        [cast32(e, bits, "uint32"), cast32(e, e.indices([8]), "uint32")],
        right,
      );
      const unit = e.emit("Mul", [
        e.emit("Cast", [high], { to: int(onnxType[node.dtype]) }),
        e.scalar(2 ** -24, node.dtype),
      ]);
      return e.emit("Reshape", [unit, e.indices(node.shape)]);
    },
  },
  flops: ({ size }) => 20 * size,
};

/**
 * Independent uniform numbers in [0, 1), multiples of 2^-24: a hash of the seed, the stream and the element's
 * index. The same seed gives the same numbers on every runtime. Differentiation treats the result as a
 * constant.
 *
 * @param seed int64 scalar, usually an input that changes with every step
 * @param options `stream` distinguishes several uses in one graph
 */
export function randomUniform(
  seed: Tensor,
  shape: Shape,
  options: { dtype?: "float32" | "float64" | undefined; stream?: number | undefined } = {},
): Tensor {
  requireKnown("randomUniform", options, ["dtype", "stream"], "randomUniform(seed, [2, 3], { stream: 1 })");
  const { dtype = "float32", stream = 0 } = options;
  requireSizes("randomUniform", shape);
  if (!["float32", "float64"].includes(dtype)) {
    throw new OptionError(`randomUniform: dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  if (!Number.isInteger(stream)) {
    throw new OptionError(`randomUniform: stream must be an integer; got ${describeValue(stream)}.`);
  }
  return apply(randomOp, [seed, constant(offsetOf(stream), "int64")], { shape, dtype });
}

/** The draws of {@link randomUniform} of several streams, [streams, ...shape], in the nodes of one. */
export function randomUniforms(
  seed: Tensor,
  streams: readonly number[],
  { shape, dtype }: Pick<Tensor, "shape" | "dtype">,
): Tensor {
  const offsets = constant(array(streams.map(offsetOf), "int64"));
  return apply(randomOp, [seed, offsets], { shape, dtype });
}
