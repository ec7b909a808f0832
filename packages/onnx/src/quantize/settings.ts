import { OptionError } from "isoloss";
import type { QuantizedWeight, WeightType } from "./quantized-weight.js";

/** How the weights and activations of a model become integers. */
export interface QdqSettings {
  readonly weights: WeightSettings;
  /**
   * The type of activations. `dynamic`: products with stored weights round what they read to uint8, by its range in each run.
   * `none`: they stay float, and weights alone are stored as integers. ONNX Runtime on x86 replaces `int8` by `uint8`, but not
   * where several nodes read a value, which then run float, unless the session option `session.qdqisint8allowed` is "1".
   */
  readonly activations: "uint8" | "int8" | "dynamic" | "none";
  /** Nodes that stay float, by the names that reports have of them. */
  readonly leave: ReadonlySet<string>;
}

export interface WeightSettings {
  readonly bits: 8 | 4;
  /** Type of 8-bit weights; default `int8`. */
  readonly type?: "int8" | "uint8" | undefined;
  readonly per: "tensor" | "channel" | "block";
  /** Numbers along the inputs' axis that share a scale; default 32. */
  readonly blockSize?: number | undefined;
  /** Whether weights keep to 7 of 8 bits, so that sums of two products fit 16 bits; default no. */
  readonly reduceRange?: boolean | undefined;
  /** Integers and scales by the keys of written weights; default the nearest integers. */
  readonly rounded?: ReadonlyMap<string, QuantizedWeight> | undefined;
}

/** Sizes that the runtime's kernel takes. */
export const blockSizes: readonly number[] = [16, 32, 64, 128, 256];

/** Throws where the runtime has no kernels for a combination. */
export function requireSettings(op: string, { weights, activations }: QdqSettings): void {
  const { bits, per, type } = weights;
  if (activations !== "none" && (bits !== 8 || per === "block")) {
    const what = bits === 8 ? "weights in blocks" : "weights of 4 bits";
    throw new OptionError(
      `${op}: ${what} are for activations: "none": ONNX Runtime's kernels of 8-bit activations take 8-bit weights with a scale per tensor or channel.`,
    );
  }
  if (activations === "int8" && type === "uint8") {
    throw new OptionError(`${op}: int8 activations need int8 weights; got uint8 weights.`);
  }
  const size = weights.blockSize ?? 32;
  if (per === "block" && !blockSizes.includes(size)) {
    throw new OptionError(`${op}: blockSize must be one of ${blockSizes.join(", ")}; got ${size}.`);
  }
}

export function weightType({ bits, type = "int8", reduceRange = false }: WeightSettings): WeightType {
  if (bits === 4) return { dtype: "int4", limit: 7, zero: 0 };
  const limit = reduceRange ? 64 : 127;
  if (type === "int8") return { dtype: "int8", limit, zero: 0 };
  return { dtype: "uint8", limit: reduceRange ? 63 : limit, zero: reduceRange ? 64 : 128 };
}
