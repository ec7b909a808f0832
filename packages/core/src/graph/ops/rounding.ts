import { describeValue, OptionError } from "../../errors.js";
import { int, onnxType } from "../onnx-rule.js";
import { apply, floatType, type Op, type Tensor } from "../tensor.js";
import { unary } from "./elementary.js";

const roundOp = unary({ name: "round", onnx: "Round", js: (x) => `roundEven(${x})`, cost: 1 });

/**
 * Floating-point formats: the code in ONNX, and of those that JavaScript does not round to, significant bits, least exponent
 * and largest number.
 */
const formats = {
  float16: { digits: 11, lowest: -14, largest: 65504, code: 10 },
  bfloat16: { digits: 8, lowest: -126, largest: (2 - 2 ** -7) * 2 ** 127, code: 16 },
  float32: { code: onnxType.float32 },
} as const;

/** A floating-point format that numbers are rounded to. */
export type FloatFormat = keyof typeof formats;

const roundToOp: Op<{ format: FloatFormat }> = {
  name: "roundTo",
  infer: ([x]) => floatType("roundTo", x),
  // As in a cast to a narrower type, rounding is not differentiated.
  vjp: (g) => [g],
  js: {
    flat: true,
    readsOnce: true,
    pull(at, read, _node, { format }) {
      if (format === "float32") return `Math.fround(${read(0, at)})`;
      const { digits, lowest, largest } = formats[format];
      return `roundToDigits(${read(0, at)},${digits},${lowest},${largest})`;
    },
  },
  onnx: {
    emit(e, [x], { dtype }, { format }) {
      if (format === dtype) return x;
      const narrow = e.emit("Cast", [x], { to: int(formats[format].code) });
      return e.emit("Cast", [narrow], { to: int(onnxType[dtype]) });
    },
  },
};

/** Element-wise nearest integer, the even one of two; derivative 0. */
export const round = (x: Tensor): Tensor => apply(roundOp, [x], {});

/**
 * Element-wise nearest number of a floating-point format, an infinity beyond its largest (IEEE 754, round half to even). The
 * element type stays. Its derivative is 1, as that of a cast to a narrower type.
 *
 * @param format `float16` (11 significant bits), `bfloat16` (8, with the exponents of float32) or `float32` (24)
 * @throws OptionError for another format
 */
export function roundTo(x: Tensor, format: FloatFormat): Tensor {
  if (!Object.hasOwn(formats, format)) {
    throw new OptionError(
      `roundTo: the format must be one of ${Object.keys(formats).join(", ")}; got ${describeValue(format)}.`,
    );
  }
  return apply(roundToOp, [x], { format });
}
