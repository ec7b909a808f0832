// What is found in the published architectures of transformers, and what theory says.
import { readFileSync } from "node:fs";
import { astype, type NdArray } from "isoloss";
import { int } from "isoloss/internal";
import { type Discovery, describeDiscovery, type ParameterAxis } from "isoloss/symmetry";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { opened } from "isoloss-test-support/model-file/builder";
import { architectures } from "isoloss-test-support/model-file/transformer";
import { fileOf, int64, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { tracedFile } from "../../src/model-file/traced-file.js";
import { studied } from "./architectures-support.js";

interface Expected {
  /** Norms whose gain scales what their readers divide by: the place of SmoothQuant, and of AWQ before products. */
  readonly norms: number;
  /** Linear groups of values and outputs (R2, AWQ's pair), one for each head: attentions, heads, units. */
  readonly values: readonly [number, number, number];
  /** Linear groups of queries and keys. */
  readonly queries: number;
  /** Attentions of which frequencies of rotary positions have turns and scales, and how many; or scales alone, of gains. */
  readonly frequencies?: readonly [number, number] | readonly [number, number, "scales"] | undefined;
  /** MLPs with a scale for each hidden unit (AWQ's pair). */
  readonly hidden: number;
  /** Permutations of heads, with the queries of their group. */
  readonly heads: number;
  /** Units of the streams that turn (R1), or the gains that prevent it. */
  readonly turns: readonly number[] | readonly string[];
}

const after = (layer: number) => [`${layer}.attended.after.gain`, `${layer}.mixed.after.gain`];

/** Two layers each; an encoder and a decoder have two each. */
const expected: Readonly<Record<string, Expected>> = {
  "GPT-2": { norms: 4, values: [2, 4, 8], queries: 2, hidden: 0, heads: 2, turns: ["final.gain"] },
  Llama: {
    ...{ norms: 5, values: [2, 4, 8], queries: 0, frequencies: [2, 16] },
    ...{ hidden: 2, heads: 2, turns: [32] },
  },
  "Gemma 3": {
    ...{ norms: 4, values: [2, 1, 8], queries: 0, frequencies: [2, 4, "scales"], hidden: 2, heads: 0 },
    turns: [...after(0), ...after(1), "final.gain"],
  },
  // The heads of all layers of a stack share their numbers of distances.
  T5: { norms: 12, values: [6, 3, 8], queries: 6, hidden: 4, heads: 4, turns: [32] },
  // A GELU behind a convolution writes into the encoder's stream.
  Whisper: { norms: 11, values: [6, 4, 8], queries: 6, hidden: 0, heads: 6, turns: ["final.gain"] },
  BERT: {
    ...{ norms: 1, values: [2, 4, 8], queries: 2, hidden: 0, heads: 2 },
    turns: ["embedded.gain", "0.attended.norm.gain", "0.mixed.norm.gain", "1.attended.norm.gain"],
  },
  "Qwen 3": {
    ...{ norms: 5, values: [2, 4, 8], queries: 0, frequencies: [2, 4, "scales"] },
    ...{ hidden: 2, heads: 2, turns: [32] },
  },
  // Queries and keys: of what is not turned of a head.
  Phi: {
    ...{ norms: 3, values: [2, 4, 10], queries: 2, frequencies: [2, 8], hidden: 0, heads: 2, turns: [40] },
  },
  ViT: { norms: 5, values: [2, 4, 8], queries: 2, hidden: 0, heads: 2, turns: [32] },
  Mixtral: {
    ...{ norms: 5, values: [2, 2, 4], queries: 0, frequencies: [2, 4] },
    ...{ hidden: 2, heads: 2, turns: [32] },
  },
  Mistral: {
    ...{ norms: 5, values: [2, 2, 4], queries: 0, frequencies: [2, 4] },
    ...{ hidden: 2, heads: 2, turns: [32] },
  },
  // Its second stream is what its learned query has read.
  SigLIP: { norms: 6, values: [3, 4, 8], queries: 3, hidden: 0, heads: 3, turns: [32, 32] },
};

/** Those of rotary positions. */
function frequenciesIn({ orthogonal, scalings }: Discovery): Expected["frequencies"] {
  const planes = orthogonal.filter(({ keeps }) => keeps === "orientation");
  const scales = scalings.filter(isOfQueries);
  const [{ size }] = scales;
  if (planes.length === 0) return [scales.length, size, "scales"];
  const counts = planes.map(({ copies }) => copies);
  // What is not turned has scales of its own.
  expect(scales.map((own) => own.size)).toEqual(expect.arrayContaining(counts));
  return [planes.length, counts[0]];
}

const page = readFileSync(new URL("../../../../docs/onnx-models.md", import.meta.url), "utf8");

const ends =
  (what: string) =>
  ({ path }: Pick<ParameterAxis, "path">): boolean =>
    new RegExp(`(^p\\.|\\.)(${what})(\\.weight)?$`).test(path);

/** Whether queries and keys are what it scales, alone. */
const isOfQueries = ({ axes }: { axes: readonly ParameterAxis[] }) =>
  ["q", "k"].every((what) => axes.some(({ path }) => path.includes(`.attention.${what}.`))) &&
  axes.every(({ path }) => /\.attention\.[qk]\./.test(path));

describe.each(Object.entries(expected))("%s", (name, row) => {
  const { found, values } = studied(name);
  const { width = 32 } = architectures[name];

  it("has every move of the published tables, and the groups that theory gives", () => {
    const has = (axes: readonly ParameterAxis[], what: string) => axes.some(ends(what));
    const spaces = (what: string, other: string) =>
      found.linear.filter(({ axes }) => has(axes, what) && has(axes, other));
    const ofValues = spaces("v|qkv", "out");
    const [{ copies, size }] = ofValues;
    const ofQueries = found.linear.filter(
      ({ axes }) =>
        has(axes, "q|qkv") &&
        has(axes, "k|qkv") &&
        !has(axes, "out") &&
        new Set(axes.map(({ variance }) => variance)).size === 2,
    );
    const norms = found.scalings.filter(
      ({ size: n, axes }) =>
        n === width &&
        axes.some((axis) => axis.power > 0 && /(norm|final|embedded)\.gain$/.test(axis.path)) &&
        axes.some(({ power, view }) => power < 0 && view.length > 1),
    );
    const hidden = found.scalings.filter(
      ({ size: n, axes }) => n === architectures[name].hidden && has(axes, "down"),
    );
    const heads = found.permutations.filter(
      ({ axes }) =>
        axes.filter(({ path }) => /\.(q|k|v|qkv)\.weight$/.test(path)).length % 3 === 0 &&
        has(axes, "v|qkv") &&
        has(axes, "out") &&
        !has(axes, "down"),
    );
    const streams = found.orthogonal.filter(({ keeps }) => keeps !== "orientation");
    const blocked = (found.blocked ?? []).flatMap(({ gains }) => gains.map((path) => path.replace("p.", "")));
    expect({
      norms: norms.length,
      values: [ofValues.length, copies, size],
      queries: ofQueries.length,
      hidden: hidden.length,
      heads: heads.length,
      turns: blocked.length > 0 ? blocked : streams.map(({ size: n }) => n),
      ...(row.frequencies === undefined ? {} : { frequencies: frequenciesIn(found) }),
    }).toEqual(row);
  });

  it("has the permutations of its stream, with signs where no mean is subtracted", () => {
    const isStream = ({ size, axes }: { size: number; axes: readonly ParameterAxis[] }) =>
      size === width && axes.filter(ends("down|out")).length > 1;
    expect(found.permutations.some(isStream)).toBe(true);
    expect(found.signs.some(isStream)).toBe(architectures[name].norm === "rms");
  });

  it("names the gains that keep its stream from turning, and a head that is the table of tokens where that alone does", () => {
    const { blocked } = describeDiscovery(values, found);
    const gains = row.turns.filter((own) => typeof own === "string");
    expect(blocked).toHaveLength(gains.length > 0 ? 1 : 0);
    for (const gain of gains) expect(blocked[0]).toContain(gain);
    const isTiedAlone = gains.join() === "final.gain";
    expect(blocked.some((text) => text.includes("each place that reads p.tokens had its own copy"))).toBe(
      isTiedAlone,
    );
    if (!isTiedAlone) return;
    // As the message says.
    const untied = studied(name, { tied: false }).found;
    expect(untied.blocked).toBeUndefined();
    expect(untied.orthogonal.map(({ size }) => size)).toContain(width);
  });

  it("is in the table of the documents", () => {
    const [attentions, copies, size] = row.values;
    const [first] = row.turns;
    const turns = typeof first === "number" ? "yes" : "no";
    const [rotary, count, scales] = row.frequencies ?? [0];
    const cells = [
      row.norms,
      `${attentions} x ${copies} x GL(${size})`,
      row.queries,
      [rotary, ...(count === undefined ? [] : ["x", count]), ...(scales === undefined ? [] : [scales])].join(
        " ",
      ),
      row.hidden,
      row.heads,
      turns,
    ];
    const line = `| ${[name, ...cells].join(" | ")}`;
    expect(page.includes(line), line).toBe(true);
  });
});

it("Two experts that TopK chooses are found by their scores alone, so that all of them may be in another order", () => {
  const { found } = studied("Mixtral");
  const experts = found.permutations.filter(({ axes }) => axes.some(ends("router")) && axes.length === 4);
  expect(experts.map(({ size, axes }) => [size, ...axes.map(({ axis }) => axis)])).toEqual(
    Array(2).fill([8, 1, 0, 0, 0]),
  );
});

it.each([
  ["the largest values alone", ["y"], 1],
  ["their places", ["y", "places"], 0],
] as const)("Where %s are read, units that TopK compares have %i", (_, outputs, count) => {
  const random = (...shape: number[]): NdArray => astype(uniform(1, shape), "float32");
  const file = fileOf({
    inputs: { x: random(2, 4, 3) },
    initializers: { w: random(6, 4), head: random(3, 5), k: int64([2]) },
    nodes: [
      node("MatMul", ["w", "x"], {}, ["scores"]),
      node("TopK", ["scores", "k"], { axis: int(1) }, ["best", "places"]),
      node("MatMul", ["best", "head"]),
    ],
    outputs,
  });
  const { found } = tracedFile("test", opened(file), { sizes: {} });
  expect(found.permutations.filter(({ size }) => size === 6)).toHaveLength(count);
});
