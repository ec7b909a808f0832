import { type NdArray, sizeOf } from "isoloss";
import { createRng, type Rng } from "isoloss/data";
import { type AttributeValue, float, int, type OnnxNode, type OnnxTensor, tensor } from "isoloss/internal";
import { encodeModel } from "isoloss/onnx";
import { ints } from "../../core/src/runtime/onnx/schema.js";
import { OnnxFile } from "../../onnx/src/model-file/edit/onnx-file.js";
import { tensorOf } from "../nn/onnx/support.js";

/** A file as functions take it that are inside the package. */
export const opened = (bytes: Uint8Array): OnnxFile => OnnxFile.decode("test", bytes);

export interface ConvShape {
  readonly size?: number;
  readonly stride?: number;
  readonly group?: number;
  readonly bias?: boolean;
  readonly pad?: number;
}

export interface BuildOptions {
  readonly seed?: number;
  readonly opset?: number;
  /** Weights in Constant nodes, as Paddle exports them. */
  readonly constants?: boolean;
}

/** Builds the bytes of a network with random weights; methods return the name of the value that they make. */
export class Builder {
  readonly rng: Rng;
  readonly opset: number;
  readonly #constants: boolean;
  readonly #initializers: OnnxTensor[] = [];
  readonly #nodes: OnnxNode[] = [];
  #count = 0;

  constructor({ seed = 0, opset = 18, constants = false }: BuildOptions = {}) {
    this.rng = createRng(seed);
    this.opset = opset;
    this.#constants = constants;
  }

  name(what: string): string {
    return `${what}${this.#count++}`;
  }

  node(opType: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    const output = this.name(opType.toLowerCase());
    this.#nodes.push({ opType, inputs, outputs: [output], attributes });
    return output;
  }

  /** A node with several results. */
  nodes(
    opType: string,
    inputs: readonly string[],
    count: number,
    attributes: Record<string, AttributeValue> = {},
  ): readonly string[] {
    const outputs = Array.from({ length: count }, () => this.name(opType.toLowerCase()));
    this.#nodes.push({ opType, inputs, outputs, attributes });
    return outputs;
  }

  constant(what: string, value: NdArray): string {
    const name = this.name(what);
    const own = tensorOf(name, value);
    if (this.#constants) {
      this.#nodes.push({
        opType: "Constant",
        inputs: [],
        outputs: [name],
        attributes: { value: tensor({ ...own, name: "" }) },
      });
    } else this.#initializers.push(own);
    return name;
  }

  /** A constant of normal numbers around `mean`. */
  weights(what: string, shape: readonly number[], scale = 1, mean = 0): string {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => mean + scale * this.rng.normal());
    return this.constant(what, { shape, data });
  }

  conv(x: string, from: number, to: number, options: ConvShape = {}): string {
    const { size = 1, stride = 1, group = 1, bias = false, pad = (size - 1) / 2 } = options;
    const w = this.weights(
      "w",
      [to, from / group, size, size],
      Math.sqrt((2 * group) / (from * size * size)),
    );
    const b = bias ? [this.weights("b", [to], 0.1)] : [];
    return this.node("Conv", [x, w, ...b], {
      group: int(group),
      strides: ints([stride, stride]),
      pads: ints([pad, pad, pad, pad]),
    });
  }

  /** Doubles height and width. */
  convTranspose(x: string, from: number, to: number, { group = 1, bias = false }: ConvShape = {}): string {
    const w = this.weights("w", [from, to / group, 2, 2], Math.sqrt(group / from));
    const b = bias ? [this.weights("b", [to], 0.1)] : [];
    return this.node("ConvTranspose", [x, w, ...b], { group: int(group), strides: ints([2, 2]) });
  }

  /** x W + b as MatMul and Add, the bias first or last. */
  product(x: string, from: number, to: number, { bias = true } = {}): string {
    const product = this.node("MatMul", [x, this.weights("w", [from, to], 1 / Math.sqrt(from))]);
    if (!bias) return product;
    const b = this.weights("b", [to], 0.1);
    return this.node("Add", this.rng.int(2) === 0 ? [b, product] : [product, b]);
  }

  batchNorm(x: string, channels: number): string {
    const positive = (what: string) => {
      const data = Float32Array.from({ length: channels }, () => 0.5 + this.rng.next());
      return this.constant(what, { shape: [channels], data });
    };
    const [scale, shift] = [positive("scale"), this.weights("shift", [channels], 0.3)];
    const [mean, variance] = [this.weights("mean", [channels], 0.3), positive("variance")];
    return this.node("BatchNormalization", [x, scale, shift, mean, variance], { epsilon: float(1e-5) });
  }

  /** Clip to [low, high], with bounds as operands from operator set 11 on. */
  clip(x: string, low = 0, high = 6): string {
    if (this.opset < 11) return this.node("Clip", [x], { min: float(low), max: float(high) });
    const scalar = (what: string, value: number) =>
      this.constant(what, { shape: [], data: Float32Array.of(value) });
    return this.node("Clip", [x, scalar("low", low), scalar("high", high)]);
  }

  linear(x: string, from: number, to: number): string {
    const w = this.weights("w", [to, from], 1 / Math.sqrt(from));
    return this.node("Gemm", [x, w, this.weights("b", [to], 0.1)], { transB: int(1) });
  }

  /** The file, with an input `x` of the given shape and an output `y`. */
  bytes(shape: readonly (number | string)[], output: string): Uint8Array {
    const last = (name: string) => (name === output ? "y" : name);
    return encodeModel({
      irVersion: 8,
      opsets: [{ domain: "", version: this.opset }],
      producer: "test",
      metadata: { origin: "random" },
      graph: {
        name: "network",
        inputs: [{ name: "x", dtype: "float32", shape }],
        outputs: [{ name: "y", dtype: "float32" }],
        initializers: this.#initializers,
        nodes: this.#nodes.map((node) => ({
          ...node,
          inputs: node.inputs.map(last),
          outputs: node.outputs.map(last),
        })),
      },
    });
  }
}

/** Two convolutions with batch norms and ReLU6, for images of any size. */
export function smallNetwork(options: BuildOptions = {}): Uint8Array {
  const b = new Builder(options);
  const first = b.clip(b.batchNorm(b.conv("x", 3, 4, { size: 3 }), 4));
  const second = b.clip(b.batchNorm(b.conv(first, 4, 5, { bias: true }), 5));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [second])]);
  return b.bytes(["batch", 3, "height", "width"], b.linear(pooled, 5, 2));
}
