// Einstein's summation convention as in NumPy's einsum.
import { sizeOf } from "../../array.js";
import { describeValue, OptionError, ShapeError } from "../../errors.js";
import { formatShape, requireFloat, type Tensor } from "../tensor.js";
import { mul } from "./arithmetic.js";
import { matmul } from "./matmul.js";
import { sum } from "./reduce.js";
import { reshape, transpose } from "./reshape.js";
import { slice } from "./slice.js";

/** A tensor with a label for each of its axes. */
interface Labeled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * Sum of products over labeled axes, as in NumPy: "ij,jk->ik" is y[i, k] = sum over j of a[i, j] b[j, k]. A letter
 * names an axis; one that is repeated in an operand takes its diagonal, one that the result lacks is summed over.
 * "..." stands for any further axes, which broadcast. Without "->" the result has the letters that occur once, in
 * alphabetical order, after the further axes.
 *
 * Operands are multiplied from left to right, as products of matrices where axes are summed over.
 *
 * @throws OptionError for an equation that cannot be read; ShapeError for operands that do not fit it
 *
 * @example
 * einsum("bij,bjk->bik", [a, b]); // a product of matrices for each b
 */
export function einsum(equation: string, operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(equation, operands);
  const sizes = commonSizes(equation, inputs);
  const [first, ...others] = inputs.map((x) => withoutRepeated(diagonal(x), sizes));
  let product = first;
  others.forEach((part, k) => {
    const later = new Set([...output, ...others.slice(k + 1).flatMap(({ labels }) => labels)]);
    product = contract(
      summed(product, [...later, ...part.labels]),
      summed(part, [...later, ...product.labels]),
      later,
    );
  });
  return ordered(summed(product, output), output);
}

interface Equation {
  readonly inputs: readonly Labeled[];
  readonly output: readonly string[];
}

function parse(equation: string, operands: readonly Tensor[]): Equation {
  if (typeof equation !== "string" || !Array.isArray(operands)) {
    throw new OptionError(
      `einsum takes an equation and a list of tensors; got ${describeValue(equation)} and ${describeValue(operands)}. ` +
        'Write einsum("ij,jk->ik", [a, b]).',
    );
  }
  for (const x of operands) requireFloat("einsum", x);
  const [left, right, ...more] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  const isTerm = (term: string) => /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term);
  if (more.length > 0 || ![...terms, right ?? ""].every(isTerm)) {
    throw new OptionError(
      `einsum: an equation has letters and "..." such as "ij,jk->ik"; got ${describeValue(equation)}.`,
    );
  }
  if (terms.length !== operands.length) {
    throw new OptionError(`einsum: "${equation}" takes ${terms.length} operands; got ${operands.length}.`);
  }
  const inputs = terms.map((term, k) => ({
    tensor: operands[k],
    labels: labelsOf(term, operands[k], equation),
  }));
  const all = inputs.flatMap(({ labels }) => labels);
  const further = [...new Set(all.filter(isFurther))].sort((a, b) => Number(b) - Number(a));
  if (right === undefined) {
    const once = all.filter((label) => !isFurther(label) && all.indexOf(label) === all.lastIndexOf(label));
    return { inputs, output: [...further, ...once.sort()] };
  }
  const output = right
    .replace("...", ".")
    .split("")
    .flatMap((c) => (c === "." ? further : [c]));
  const wrong = output.find((label, d) => !all.includes(label) || output.indexOf(label) !== d);
  if (wrong !== undefined) {
    throw new OptionError(
      `einsum: "${wrong}" of the result of "${equation}" must be in one of the operands, and once in the result.`,
    );
  }
  return { inputs, output };
}

/** Axes of "..." are numbered from the last one on, as they are aligned at the end. */
const isFurther = (label: string): boolean => /^\d/.test(label);

function labelsOf(term: string, { rank, shape }: Tensor, equation: string): string[] {
  const letters = term.replace("...", "").length;
  const count = rank - letters;
  if (count < 0 || (count > 0 && !term.includes("..."))) {
    throw new ShapeError(
      `einsum: "${term}" of "${equation}" does not name the axes of ${formatShape(shape)}.`,
    );
  }
  const further = Array.from({ length: count }, (_, d) => String(count - 1 - d));
  return term
    .replace("...", ".")
    .split("")
    .flatMap((c) => (c === "." ? further : [c]));
}

/** The size of each label: equal in all operands, or 1. */
function commonSizes(equation: string, inputs: readonly Labeled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { tensor, labels } of inputs) {
    labels.forEach((label, d) => {
      const [n, known] = [tensor.shape[d], sizes.get(label) ?? 1];
      if (n !== known && n !== 1 && known !== 1) {
        const name = isFurther(label) ? '"..."' : `"${label}"`;
        throw new ShapeError(
          `einsum: ${name} of "${equation}" has the sizes ${known} and ${n}; they must be equal.`,
        );
      }
      sizes.set(label, n === 1 ? known : n);
    });
  }
  return sizes;
}

/** Takes the diagonal of axes with the same label. */
function diagonal(x: Labeled): Labeled {
  const { tensor, labels } = x;
  const second = labels.findIndex((label, d) => labels.indexOf(label) < d);
  if (second < 0) return x;
  const first = labels.indexOf(labels[second]);
  const others = [...labels.keys()].filter((d) => d !== first && d !== second);
  const rest = others.map((d) => tensor.shape[d]);
  const n = tensor.shape[first];
  if (tensor.shape[second] !== n) {
    throw new ShapeError(
      `einsum: a diagonal needs axes of equal size; got ${formatShape(tensor.shape)} for ${labels.join("")}.`,
    );
  }
  // The diagonal of a matrix in row-major order: every (n + 1)-th element.
  const square = reshape(transpose(tensor, [first, second, ...others]), [n * n, ...rest]);
  return diagonal({
    tensor: slice(square, { steps: [n + 1] }),
    labels: [labels[first], ...others.map((d) => labels[d])],
  });
}

/** Leaves out axes of size 1 that another operand has in full: the product is repeated along them. */
function withoutRepeated({ tensor, labels }: Labeled, sizes: ReadonlyMap<string, number>): Labeled {
  const kept = [...labels.keys()].filter((d) => tensor.shape[d] === sizes.get(labels[d]));
  return {
    tensor: reshape(
      tensor,
      kept.map((d) => tensor.shape[d]),
    ),
    labels: kept.map((d) => labels[d]),
  };
}

/** Sums over the axes whose labels are not kept. */
function summed({ tensor, labels }: Labeled, kept: readonly string[]): Labeled {
  const axes = [...labels.keys()].filter((d) => !kept.includes(labels[d]));
  return { tensor: sum(tensor, { axes }), labels: labels.filter((label) => kept.includes(label)) };
}

/** The product of two operands, summed over the labels of both that are not used later. */
function contract(a: Labeled, b: Labeled, later: ReadonlySet<string>): Labeled {
  const both = a.labels.filter((label) => b.labels.includes(label));
  const batch = both.filter((label) => later.has(label));
  const gone = both.filter((label) => !later.has(label));
  const left = a.labels.filter((label) => !both.includes(label));
  const right = b.labels.filter((label) => !both.includes(label));
  const labels = [...batch, ...left, ...right];
  if (gone.length === 0) {
    return { tensor: mul(spread(a, labels), spread(b, labels)), labels };
  }
  const product = matmul(matrices(a, batch, left, gone), matrices(b, batch, gone, right));
  const sizes = [...sizesOf(a, [...batch, ...left]), ...sizesOf(b, right)];
  return { tensor: reshape(product, sizes), labels };
}

const sizesOf = ({ tensor, labels }: Labeled, wanted: readonly string[]): number[] =>
  wanted.map((label) => tensor.shape[labels.indexOf(label)]);

/** The axes in the order of `wanted`; labels that the tensor lacks are left out. */
const ordered = ({ tensor, labels }: Labeled, wanted: readonly string[]): Tensor =>
  transpose(
    tensor,
    wanted.filter((label) => labels.includes(label)).map((label) => labels.indexOf(label)),
  );

/** The axes in the order of `wanted`, of size 1 where the tensor lacks one. */
const spread = (x: Labeled, wanted: readonly string[]): Tensor =>
  reshape(
    ordered(x, wanted),
    wanted.map((label) => x.tensor.shape[x.labels.indexOf(label)] ?? 1),
  );

/** The tensor as matrices for each place of the batch; several rows' or columns' axes become one. */
const matrices = (
  x: Labeled,
  batch: readonly string[],
  rows: readonly string[],
  columns: readonly string[],
): Tensor =>
  reshape(ordered(x, [...batch, ...rows, ...columns]), [
    ...sizesOf(x, batch),
    sizeOf(sizesOf(x, rows)),
    sizeOf(sizesOf(x, columns)),
  ]);
