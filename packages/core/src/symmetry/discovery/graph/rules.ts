import { constantValue } from "../../../graph/ops/leaf.js";
import { isFloat, type Tensor } from "../../../graph/tensor.js";
import {
  argmaxLinks,
  broadcastLinks,
  convInputGradientLinks,
  convLinks,
  convWeightGradientLinks,
  elementwise,
  exceptAlong,
  gatherLinks,
  type LinkRule,
  matmulLinks,
  noLinks,
  oneHotLinks,
  reduceLinks,
  reshapeLinks,
  scatterLinks,
  transposeLinks,
} from "./links.js";

/**
 * How the result of an operation changes when its inputs are multiplied by positive numbers (or by signs).
 * `product`: it is multiplied by the product of the inputs' factors to the given powers; undefined: that
 * input must not change. `alike`: the members must be multiplied by one factor; the result is by its power;
 * others must not change.
 */
export type Response =
  | { readonly kind: "product"; readonly powers: readonly (number | undefined)[] }
  | { readonly kind: "alike"; readonly members: readonly number[]; readonly power: number };

/** What the analysis has to know about an operation. */
export interface Rule {
  readonly links: LinkRule;
  /** Response to positive factors. */
  readonly scale: (node: Tensor) => Response;
  /** Response to signs. */
  readonly sign: (node: Tensor) => Response;
  /** Inputs in which the result is linear: in each of them alone (`each`), or in all of them together (`together`). */
  readonly linear: (node: Tensor) => Linearity;
}

export interface Linearity {
  readonly how: "each" | "together";
  readonly inputs: readonly number[];
}

const rigid = (node: Tensor): Response => ({ kind: "product", powers: node.inputs.map(() => undefined) });
const nothing = (): Linearity => ({ how: "each", inputs: [] });
const firstOnly = (): Linearity => ({ how: "each", inputs: [0] });

/** A power of input 0; the inputs after it must not change. */
const first = (power: number | undefined) => (): Response => ({ kind: "product", powers: [power] });

/** Linear in the first input. */
function linear(links: LinkRule): Rule {
  return { links, scale: first(1), sign: first(1), linear: firstOnly };
}

/** f(c x) = c^power f(x) for c > 0, and f(-x) = +-f(x) for the given parity, if any. */
function homogeneous(links: LinkRule, power: number, parity?: 0 | 1): Rule {
  return { links, scale: first(power), sign: first(parity), linear: nothing };
}

/** No homogeneity; f(-x) = +-f(x) for the given parity, if any. */
function inhomogeneous(links: LinkRule, parity?: 0 | 1): Rule {
  return { links, scale: rigid, sign: parity === undefined ? rigid : first(parity), linear: nothing };
}

/** Bilinear. */
function product(links: LinkRule): Rule {
  const powers = (): Response => ({ kind: "product", powers: [1, 1] });
  return { links, scale: powers, sign: powers, linear: () => ({ how: "each", inputs: [0, 1] }) };
}

/** Linear in all inputs together. */
function sum(links: LinkRule): Rule {
  const alike = ({ inputs }: Tensor): Response => ({ kind: "alike", members: [...inputs.keys()], power: 1 });
  return {
    links,
    scale: alike,
    sign: alike,
    linear: ({ inputs }) => ({ how: "together", inputs: [...inputs.keys()] }),
  };
}

/** Depends on which operand is larger. */
function order(power: 0 | 1): Rule {
  return {
    links: elementwise,
    scale: () => ({ kind: "alike", members: [0, 1], power }),
    sign: rigid,
    linear: nothing,
  };
}

const along = (node: Tensor, axis: number): boolean => axis === node.attrs.axis;
const resized = (node: Tensor, axis: number): boolean => node.shape[axis] !== node.inputs[0].shape[axis];
const places = (_node: Tensor, axis: number): boolean => axis > 1;

function divide(node: Tensor): Response {
  return node.dtype === "int64" ? rigid(node) : { kind: "product", powers: [1, -1] };
}

function raise(node: Tensor): Response {
  return { kind: "product", powers: [constantValue(node.inputs[1]), undefined] };
}

function raiseSign(node: Tensor): Response {
  const exponent = constantValue(node.inputs[1]);
  const parity = exponent !== undefined && Number.isInteger(exponent) ? Math.abs(exponent) % 2 : undefined;
  return { kind: "product", powers: [parity, undefined] };
}

/**
 * A cast from float to float keeps everything; a cast to bool distinguishes zero from the rest; a cast to an
 * integer truncates.
 */
function castPower({ dtype }: Tensor): number | undefined {
  if (isFloat(dtype)) return 1;
  return dtype === "bool" ? 0 : undefined;
}

const cast: Rule = {
  links: elementwise,
  scale: (node) => ({ kind: "product", powers: [castPower(node)] }),
  sign: (node) => ({ kind: "product", powers: [castPower(node)] }),
  linear: (node) => (isFloat(node.dtype) ? firstOnly() : nothing()),
};

/** Zeros around an image scale with it, and so do infinities; other numbers do not. */
const place: Rule = {
  links: exceptAlong(resized),
  scale: ({ attrs }) => ({
    kind: "product",
    powers: [attrs.value === 0 || attrs.value === -Infinity ? 1 : undefined],
  }),
  sign: ({ attrs }) => ({ kind: "product", powers: [attrs.value === 0 ? 1 : undefined] }),
  linear: ({ attrs }) => (attrs.value === 0 ? firstOnly() : nothing()),
};

const where: Rule = {
  links: elementwise,
  scale: () => ({ kind: "alike", members: [1, 2], power: 1 }),
  sign: () => ({ kind: "alike", members: [1, 2], power: 1 }),
  linear: () => ({ how: "together", inputs: [1, 2] }),
};

/** Elements of input 0 read from (or written to) the positions of the largest elements of input 1's windows. */
const byPlace: Rule = {
  links: exceptAlong(places),
  scale: () => ({ kind: "product", powers: [1, 0] }),
  sign: () => ({ kind: "product", powers: [1, undefined] }),
  linear: firstOnly,
};

const source = inhomogeneous(noLinks);

/** The rules of all operations of the engine. An operation that is missing here is assumed to keep nothing. */
export const rules: Readonly<Record<string, Rule>> = {
  input: source,
  constant: source,
  array: source,
  randomUniform: source,

  add: sum(elementwise),
  sub: sum(elementwise),
  mul: product(elementwise),
  div: {
    links: elementwise,
    scale: divide,
    sign: divide,
    linear: (node) => (node.dtype === "int64" ? nothing() : firstOnly()),
  },
  pow: { links: elementwise, scale: raise, sign: raiseSign, linear: nothing },
  maximum: order(1),
  minimum: order(1),
  neg: linear(elementwise),
  cast,

  greater: order(0),
  greaterEqual: order(0),
  equal: { ...order(0), sign: () => ({ kind: "alike", members: [0, 1], power: 0 }) },
  logicalAnd: inhomogeneous(elementwise),
  logicalOr: inhomogeneous(elementwise),
  logicalNot: inhomogeneous(elementwise),
  where,

  relu: homogeneous(elementwise, 1),
  relu6: inhomogeneous(elementwise),
  leakyRelu: homogeneous(elementwise, 1),
  step: homogeneous(elementwise, 0),
  leakyStep: homogeneous(elementwise, 0),
  sign: homogeneous(elementwise, 0, 1),
  abs: homogeneous(elementwise, 1, 0),
  sqrt: homogeneous(elementwise, 0.5),
  exp: inhomogeneous(elementwise),
  log: inhomogeneous(elementwise),
  floor: inhomogeneous(elementwise),
  sigmoid: inhomogeneous(elementwise),
  softplus: inhomogeneous(elementwise),
  sin: inhomogeneous(elementwise, 1),
  tanh: inhomogeneous(elementwise, 1),
  sinh: inhomogeneous(elementwise, 1),
  cosh: inhomogeneous(elementwise, 0),
  asinh: inhomogeneous(elementwise, 1),
  erf: inhomogeneous(elementwise, 1),
  cos: inhomogeneous(elementwise, 0),
  asin: inhomogeneous(elementwise, 1),
  acos: inhomogeneous(elementwise),
  atan: inhomogeneous(elementwise, 1),
  acosh: inhomogeneous(elementwise),
  atanh: inhomogeneous(elementwise, 1),
  round: inhomogeneous(elementwise, 1),
  roundTo: inhomogeneous(elementwise, 1),
  remainder: { ...order(1), sign: () => ({ kind: "product", powers: [1, 0] }) },
  mod: inhomogeneous(elementwise),
  bitwiseAnd: inhomogeneous(elementwise),
  bitwiseOr: inhomogeneous(elementwise),
  bitwiseXor: inhomogeneous(elementwise),
  softmax: inhomogeneous(elementwise),
  logSoftmax: inhomogeneous(elementwise),

  matmul: product(matmulLinks),
  conv2d: product(convLinks),
  conv2dInputGradient: product(convInputGradientLinks),
  conv2dWeightGradient: product(convWeightGradientLinks),

  sum: linear(reduceLinks),
  max: homogeneous(reduceLinks, 1),
  min: homogeneous(reduceLinks, 1),
  argmax: homogeneous(argmaxLinks, 0),
  inverse: inhomogeneous(noLinks),
  expm: inhomogeneous(noLinks),
  cumsum: linear(exceptAlong(along)),
  turnPairs: linear(exceptAlong(along)),
  sortedValues: homogeneous(
    (node) => ({
      ...exceptAlong(along)(node),
      reduced: [{ input: 0, axes: [node.attrs.axis as number] }],
    }),
    1,
  ),

  broadcast: linear(broadcastLinks),
  reshape: linear(reshapeLinks),
  transpose: linear(transposeLinks),
  slice: linear(exceptAlong(resized)),
  place,
  concat: sum(exceptAlong(along)),
  gather: linear(gatherLinks),
  scatterAdd: linear(scatterLinks),
  scatterMax: homogeneous(scatterLinks, 1),
  argsort: homogeneous(exceptAlong(along), 0),
  oneHot: inhomogeneous(oneHotLinks),
  stopGradient: linear(elementwise),
  alias: linear(elementwise),

  maxPool2d: homogeneous(exceptAlong(places), 1),
  // Offsets into the whole image: they identify the channel of an element.
  maxPoolIndices2d: homogeneous(noLinks, 0),
  poolPut: byPlace,
  poolTake: byPlace,
};

const unknown = inhomogeneous(noLinks);

/** The rule of a node's operation; for an operation without one, the rule that keeps nothing. */
export function ruleOf(node: Tensor): Rule {
  return Object.hasOwn(rules, node.op.name) ? rules[node.op.name] : unknown;
}
