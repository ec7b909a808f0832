import { type Shape, sizeOf } from "../../array.js";
import { DTypeError, OptionError, ShapeError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { type Affine, Index } from "../index-expression.js";
import type { JavaScriptRule, KernelWriter } from "../javascript-rule.js";
import { apply, formatShape, formatType, isFloat, type Op, requireTensor, type Tensor } from "../tensor.js";
import {
  type ConvAttributes,
  type ConvOptions,
  type ConvTransposeOptions,
  convOptions,
  convTransposeOptions,
  requireGroups,
  resolvePair,
  resolveWindow,
  windowLength,
} from "./conv-attributes.js";
import { emitConv } from "./conv-forward.js";
import { emitInputGradient } from "./conv-input-gradient.js";
import { emitWeightGradient } from "./conv-weight-gradient.js";

/** The three operations are the partial derivatives of one trilinear form <y, x * w>, hence closed under vjp. */
interface Shapes {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
}

function outputShape(x: Shape, w: Shape, { stride, padding, dilation }: ConvAttributes): Shape {
  const [top, left, bottom, right] = padding;
  return [
    x[0],
    w[0],
    windowLength(x[2], w[2], stride[0], top, bottom, dilation[0]),
    windowLength(x[3], w[3], stride[1], left, right, dilation[1]),
  ];
}

function check(op: string, tensors: readonly Tensor[], { x, w, y }: Shapes, attrs: ConvAttributes): void {
  const [first] = tensors;
  if (tensors.some((t) => !isFloat(t.dtype) || t.dtype !== first.dtype)) {
    throw new DTypeError(
      `${op} takes tensors of one float dtype; got ${tensors.map(formatType).join(" and ")}.`,
    );
  }
  if (x.length !== 4 || w.length !== 4) {
    throw new ShapeError(
      `${op} takes images [batch, channels, height, width] and weights [out, in / groups, height, width]; ` +
        `got ${formatShape(x)} and ${formatShape(w)}.`,
    );
  }
  if (x[1] !== w[1] * attrs.groups || w[0] % attrs.groups !== 0) {
    throw new ShapeError(
      `${op}: images ${formatShape(x)} and weights ${formatShape(w)} do not fit with ${attrs.groups} group(s): ` +
        `${x[1]} channels must be ${attrs.groups} x ${w[1]}, and ${w[0]} outputs a multiple of the groups.`,
    );
  }
  const expected = outputShape(x, w, attrs);
  const isEmpty = expected.some((n) => n < 1);
  if (isEmpty || expected.join() !== y.join()) {
    const why = expected.slice(2).some((n) => n < 1)
      ? "the window is larger than the image"
      : "no axis may be empty";
    throw new ShapeError(
      `${op}: images ${formatShape(x)} with weights ${formatShape(w)}, stride [${attrs.stride}], padding [${attrs.padding}], ` +
        `dilation [${attrs.dilation}] give outputs ${formatShape(expected)}` +
        (isEmpty ? `: ${why}.` : `, not ${formatShape(y)}.`),
    );
  }
}

/** Loops over every product x * w that adds to y, with the indices of the three elements. */
function forEachProduct(
  writer: KernelWriter,
  { x, w, y }: Shapes,
  { stride, padding, dilation, groups }: ConvAttributes,
  body: (x: Index, w: Index, y: Index) => void,
): void {
  const perGroup = w[0] / groups;
  writer.loop(y[0], (n) => {
    writer.loop(groups, (g) => {
      writer.loop(perGroup, (o) => {
        const out = g.times(perGroup).plus(o);
        writer.loop(w[1], (c) => {
          const channel = g.times(w[1]).plus(c);
          writer.loop(w[2], (kh) => {
            writer.loop(y[2], (i) => {
              const row = i.times(stride[0]).plus(kh.times(dilation[0])).plus(-padding[0]);
              guarded(writer, row, x[2], () => {
                writer.loop(w[3], (kw) => {
                  writer.loop(y[3], (j) => {
                    const column = j.times(stride[1]).plus(kw.times(dilation[1])).plus(-padding[1]);
                    guarded(writer, column, x[3], () => {
                      body(
                        Index.multi(x, [n, channel, row, column]),
                        Index.multi(w, [out, c, kh, kw]),
                        Index.multi(y, [n, out, i, j]),
                      );
                    });
                  });
                });
              });
            });
          });
        });
      });
    });
  });
}

/** Runs a body only where 0 <= i < n. */
export function guarded(writer: KernelWriter, i: Affine, n: number, body: () => void): void {
  if (i.isConstant) {
    if (i.constant >= 0 && i.constant < n) body();
    return;
  }
  writer.line(`if(${i}>=0&&${i}<${n}){`);
  body();
  writer.line("}");
}

/** Which tensors of the form an operation's operands and its result are. */
type Roles = readonly [keyof Shapes, keyof Shapes, keyof Shapes];

const shapesOf = ({ inputs: [a, b], shape }: Tensor, [first, second, result]: Roles): Shapes =>
  ({ [first]: a.shape, [second]: b.shape, [result]: shape }) as unknown as Shapes;

const sumOfProducts = (roles: Roles): JavaScriptRule<ConvAttributes> => ({
  kernel(writer, node, attrs) {
    writer.line(`${writer.result("")}.fill(0);`);
    forEachProduct(writer, shapesOf(node, roles), attrs, (x, w, y) => {
      const [a, b, result] = roles.map((role) => ({ x, w, y })[role]);
      writer.line(`${writer.result(result.flat.toString())}+=${writer.read(0, a)}*${writer.read(1, b)};`);
    });
  },
});

const countProducts = (roles: Roles) => (node: Tensor) => {
  const { y, w } = shapesOf(node, roles);
  return 2 * sizeOf(y) * w[1] * w[2] * w[3];
};

const convOp: Op<ConvAttributes> = {
  name: "conv2d",
  infer([x, w], attrs) {
    const y = x.rank === 4 && w.rank === 4 ? outputShape(x.shape, w.shape, attrs) : [];
    check("conv2d", [x, w], { x: x.shape, w: w.shape, y }, attrs);
    return { shape: y, dtype: x.dtype };
  },
  vjp: (g, { inputs: [x, w] }, attrs) => [
    inputGradient(g, w, attrs, x.shape),
    weightGradient(x, g, attrs, w.shape),
  ],
  js: sumOfProducts(["x", "w", "y"]),
  onnx: {
    float32Only: true,
    emit: (e, operands, node, attrs) => emitConv(e, operands, node.inputs[1].shape, attrs),
  },
  flops: countProducts(["x", "w", "y"]),
};

const inputGradientOp: Op<ConvAttributes & { shape: Shape }> = {
  name: "conv2dInputGradient",
  infer([g, w], attrs) {
    check("convTranspose2d", [g, w], { x: attrs.shape, w: w.shape, y: g.shape }, attrs);
    return { shape: attrs.shape, dtype: g.dtype };
  },
  vjp: (u, { inputs: [g, w] }, attrs) => [
    apply(convOp, [u, w], window(attrs)),
    weightGradient(u, g, attrs, w.shape),
  ],
  js: sumOfProducts(["y", "w", "x"]),
  onnx: { float32Only: true, emit: emitInputGradient },
  flops: countProducts(["y", "w", "x"]),
};

const weightGradientOp: Op<ConvAttributes & { shape: Shape }> = {
  name: "conv2dWeightGradient",
  infer([x, g], attrs) {
    check("conv2dWeightGradient", [x, g], { x: x.shape, w: attrs.shape, y: g.shape }, attrs);
    return { shape: attrs.shape, dtype: x.dtype };
  },
  vjp: (u, { inputs: [x, g] }, attrs) => [
    inputGradient(g, u, attrs, x.shape),
    apply(convOp, [x, u], window(attrs)),
  ],
  js: sumOfProducts(["x", "y", "w"]),
  onnx: { emit: emitWeightGradient },
  flops: countProducts(["x", "y", "w"]),
};

/** The convolution's own attributes, without those that a derivative adds. */
function window({ stride, padding, dilation, groups }: ConvAttributes): ConvAttributes {
  return { stride, padding, dilation, groups };
}

function inputGradient(g: Tensor, w: Tensor, attrs: ConvAttributes, shape: Shape): Tensor {
  return apply(inputGradientOp, [g, w], { ...window(attrs), shape });
}

function weightGradient(x: Tensor, g: Tensor, attrs: ConvAttributes, shape: Shape): Tensor {
  return apply(weightGradientOp, [x, g], { ...window(attrs), shape });
}

/**
 * Two-dimensional cross-correlation, which deep-learning libraries call convolution.
 *
 * y[n, o, i, j] = sum_{c, a, b} x[n, c, i s + a d - p, j s + b d - p] w[o, c, a, b]
 *
 * @param x images [batch, in, height, width]
 * @param w weights [out, in / groups, kernel height, kernel width]
 * @throws ShapeError when channels do not fit or the window is larger than the image
 */
export function conv2d(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  requireKnown("conv2d", options, convOptions, "conv2d(x, w, { stride: 2, padding: 1 })");
  const { groups = 1 } = options;
  requireGroups("conv2d", groups);
  return apply(convOp, [x, w], { ...resolveWindow("conv2d", options), groups });
}

/**
 * The transpose of {@link conv2d} with respect to the image ("deconvolution").
 *
 * @param y images [batch, in, h, w]
 * @param w weights [in, out / groups, kernel height, kernel width]
 * @param options `outputPadding`: rows and columns added at the end, fewer than the stride, since several
 *   image sizes have the same output size
 * @returns images [batch, out, (h - 1) stride - 2 padding + dilation (k - 1) + outputPadding + 1, ...]
 */
export function convTranspose2d(y: Tensor, w: Tensor, options: ConvTransposeOptions = {}): Tensor {
  requireKnown("convTranspose2d", options, convTransposeOptions, "convTranspose2d(y, w, { stride: 2 })");
  const { groups = 1, outputPadding = 0 } = options;
  requireGroups("convTranspose2d", groups);
  const attrs = { ...resolveWindow("convTranspose2d", options), groups };
  for (const operand of [y, w]) requireTensor("convTranspose2d", operand);
  if (y.rank !== 4 || w.rank !== 4) {
    throw new ShapeError(
      "convTranspose2d takes images [batch, in, height, width] and weights [in, out / groups, height, width]; " +
        `got ${formatShape(y.shape)} and ${formatShape(w.shape)}.`,
    );
  }
  if (y.shape[1] !== w.shape[0]) {
    throw new ShapeError(
      `convTranspose2d: images ${formatShape(y.shape)} have ${y.shape[1]} channels, weights ${formatShape(w.shape)} ` +
        `take ${w.shape[0]}; they must be equal.`,
    );
  }
  const extra = resolvePair("convTranspose2d", "outputPadding", outputPadding, 0);
  // With a whole stride of extra rows one more window would fit.
  if (extra.some((n, d) => n >= attrs.stride[d])) {
    throw new OptionError(
      `convTranspose2d: outputPadding must be integers >= 0 below the stride [${attrs.stride}]; got ${outputPadding}.`,
    );
  }
  const length = (d: 0 | 1) =>
    (y.shape[2 + d] - 1) * attrs.stride[d] -
    attrs.padding[d] -
    attrs.padding[d === 0 ? 2 : 3] +
    attrs.dilation[d] * (w.shape[2 + d] - 1) +
    extra[d] +
    1;
  const [height, width] = [length(0), length(1)];
  if (height < 1 || width < 1) {
    throw new ShapeError(
      `convTranspose2d: images ${formatShape(y.shape)} with weights ${formatShape(w.shape)} and padding [${attrs.padding}] ` +
        `give images of ${height} x ${width}: the padding takes away all of them.`,
    );
  }
  return inputGradient(y, w, attrs, [y.shape[0], w.shape[1] * groups, height, width]);
}
