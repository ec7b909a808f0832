import fc from "fast-check";
import {
  forEachPlace,
  get,
  type OpRow,
  type Place,
  seed,
  tabulate,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { einsum } from "../../../src/graph/ops/einsum.js";

/** An equation, and the labels that its three dots stand for. */
interface Equation {
  readonly text: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

/** With explicit results, as the reference below reads them. */
const equations: readonly Equation[] = [
  { text: "ij,jk->ik", inputs: ["ij", "jk"], output: "ik" },
  { text: "bij, bjk -> bki", inputs: ["bij", "bjk"], output: "bki" },
  { text: "ij->ji", inputs: ["ij"], output: "ji" },
  { text: "ij->i", inputs: ["ij"], output: "i" },
  { text: "ij", inputs: ["ij"], output: "ij" },
  { text: "ji", inputs: ["ji"], output: "ij" },
  { text: "i,i", inputs: ["i", "i"], output: "" },
  { text: "ii", inputs: ["ii"], output: "" },
  { text: "ibi->bi", inputs: ["ibi"], output: "bi" },
  { text: "iii->i", inputs: ["iii"], output: "i" },
  { text: "i,j->ji", inputs: ["i", "j"], output: "ji" },
  { text: "ij,ji,jk->k", inputs: ["ij", "ji", "jk"], output: "k" },
  { text: "abij,acjd->abcid", inputs: ["abij", "acjd"], output: "abcid" },
  { text: "ijk,jil->kl", inputs: ["ijk", "jil"], output: "kl" },
  { text: "ij,jk", inputs: ["ij", "jk"], output: "ik" },
  { text: "...ii->...i", inputs: ["XYii"], output: "XYi" },
  { text: "...ij,...jk->...ik", inputs: ["XYij", "Yjk"], output: "XYik" },
  { text: "...ij,jk", inputs: ["Yij", "jk"], output: "Yik" },
  { text: "i...,i...->...", inputs: ["iX", "iX"], output: "X" },
  { text: "a,b,c->", inputs: ["a", "b", "c"], output: "" },
];

type Sizes = Readonly<Record<string, number>>;

/** The sum over all places of all labels, one product at a time. */
function reference({ inputs, output }: Equation, sizes: Sizes, arrays: readonly NdArray[]): NdArray {
  const labels = [...new Set(inputs.join(""))];
  const sums = new Map<string, number>();
  forEachPlace(
    labels.map((label) => sizes[label]),
    (at) => {
      const placeOf = (term: string, shape: Place) =>
        [...term].map((label, d) => (shape[d] === 1 ? 0 : at[labels.indexOf(label)]));
      const factor = inputs
        .map((term, k) => get(arrays[k], placeOf(term, arrays[k].shape)))
        .reduce((a, b) => a * b);
      const key = [...output].map((label) => at[labels.indexOf(label)]).join();
      sums.set(key, (sums.get(key) ?? 0) + factor);
    },
  );
  return tabulate(
    [...output].map((label) => sizes[label]),
    (at) => sums.get(at.join()) as number,
  );
}

const size = fc.integer({ min: 1, max: 4 });

const einsumRow: OpRow = {
  name: "einsum",
  cases: fc
    .record({
      equation: fc.constantFrom(...equations),
      sizes: fc.array(size, { minLength: 6, maxLength: 6 }),
      // Which axis, if any, of the second operand is of size 1 and repeated.
      single: fc.nat({ max: 3 }),
      seed,
    })
    .map(({ equation, sizes: drawn, single, seed: s }) => {
      const labels = [...new Set(equation.inputs.join(""))];
      const sizes = Object.fromEntries(labels.map((label, k) => [label, drawn[k]]));
      const shapes = equation.inputs.map((term, k) =>
        [...term].map((label, d) => (k === 1 && d === single ? 1 : sizes[label])),
      );
      return {
        label: `${equation.text} of ${JSON.stringify(shapes)} seed ${s}`,
        inputs: shapes.map((shape, k) => uniform(s + k, shape)),
        apply: (...xs) => einsum(equation.text, xs),
        reference: (...arrays) => reference(equation, sizes, arrays),
      };
    }),
};

export const einsumRows: readonly OpRow[] = [einsumRow];
