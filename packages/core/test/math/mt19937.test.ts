import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { DataError, DTypeError, OptionError } from "../../src/errors.js";
import {
  type Mt19937State,
  torchGenerator,
  torchRand,
  torchRandn,
  torchUniform,
} from "../../src/math/mt19937.js";

type DType = "float32" | "float64";
interface Summary {
  seed: number;
  dtype: DType;
  size: number;
  sha256: string;
  first: number[];
}
interface Golden {
  rand: Summary[];
  uniform: (Summary & { from: number; to: number })[];
  randn: { seed: number; dtype: DType; size: number; values: number[] }[];
  mixed: { seed: number; steps: { op: string; size: number; values: number[] }[] };
}

/** PyTorch 2.6 values, written by bench/torch/golden_rng.py. */
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/torch-rng.json", import.meta.url), "utf8"));

function sha256(a: NdArray): string {
  return createHash("sha256").update(new Uint8Array(a.data.buffer)).digest("hex");
}

function largestDifference(a: NdArray, expected: number[]): number {
  expect(a.data.length).toBe(expected.length);
  return expected.reduce((worst, x, i) => Math.max(worst, Math.abs(x - Number(a.data[i]))), 0);
}

describe("Mt19937", () => {
  it("gives the reference implementation's sequence for its default seed", () => {
    // First value of mt19937ar.c for seed 5489; 4123659995 is the 10000th, by the C++ standard's mt19937 [rand.predef].
    const rng = torchGenerator(5489);
    expect(rng.nextUint32()).toBe(3499211612);
    for (let i = 2; i < 10000; i++) rng.nextUint32();
    expect(rng.nextUint32()).toBe(4123659995);
  });

  it("goes on from a state that went through JSON, in the middle of a block and of a normal pair", () => {
    const rng = torchGenerator(3);
    for (let i = 0; i < 700; i++) rng.nextUint32();
    rng.nextNormal();
    const state: Mt19937State = JSON.parse(JSON.stringify(rng.state()));
    const expected = [rng.nextNormal(), rng.nextNormal(), rng.nextUint32()];
    for (let i = 0; i < 1000; i++) rng.nextUint32();
    const last = rng.nextUint32();

    const other = torchGenerator(99);
    other.restore(state);
    expect([other.nextNormal(), other.nextNormal(), other.nextUint32()]).toEqual(expected);
    for (let i = 0; i < 1000; i++) other.nextUint32();
    expect(other.nextUint32()).toBe(last);
  });

  it("takes a snapshot that later draws do not change", () => {
    const rng = torchGenerator(3);
    const state = rng.state();
    const first = rng.nextUint32();
    for (let i = 0; i < 700; i++) rng.nextUint32();
    rng.restore(state);
    expect(rng.nextUint32()).toBe(first);
  });

  it("refuses a state that is not one", () => {
    const rng = torchGenerator(0);
    const state = rng.state();
    expect(() => rng.restore({ ...state, words: [1, 2] })).toThrow(DataError);
    expect(() => rng.restore({ ...state, words: state.words.map(() => -1) })).toThrow(/\[0, 2\^32\)/);
    expect(() => rng.restore({ ...state, position: 625 })).toThrow(/0\.\.624; got 625/);
    expect(() => rng.restore({ ...state, spareNormal: Number.NaN })).toThrow(DataError);
    expect(() => rng.restore({} as Mt19937State)).toThrow(DataError);
  });

  it("refuses a seed that is not an integer", () => {
    expect(() => torchGenerator(1.5)).toThrow(OptionError);
    expect(() => torchGenerator(2 ** 60)).toThrow(/2\^53 - 1/);
  });
});

describe("torchRand", () => {
  it.each(golden.rand)("is torch.rand bit for bit: seed $seed, $dtype, $size values", (g) => {
    const a = torchRand(torchGenerator(g.seed), [g.size], { dtype: g.dtype });
    expect(Array.from(a.data.subarray(0, 4))).toEqual(g.first);
    expect(sha256(a)).toBe(g.sha256);
  });

  it("gives the numbers of the experiments' notes for seed 12345", () => {
    const a = torchRand(torchGenerator(12345), [2, 2]);
    expect(a.shape).toEqual([2, 2]);
    expect(Array.from(a.data)).toEqual([
      0.9817181825637817, 0.8796065449714661, 0.992143452167511, 0.461067259311676,
    ]);
  });

  it("treats seeds alike that agree in their low 32 bits", () => {
    expect(torchRand(torchGenerator(2 ** 33 + 5), [8])).toEqual(torchRand(torchGenerator(5), [8]));
    expect(torchRand(torchGenerator(-1), [8])).toEqual(torchRand(torchGenerator(2 ** 32 - 1), [8]));
  });

  it("refuses a dtype that is not a float", () => {
    expect(() => torchRand(torchGenerator(0), [2], { dtype: "int64" as "float32" })).toThrow(DTypeError);
  });
});

describe("torchUniform", () => {
  it.each(golden.uniform)("is uniform_($from, $to) bit for bit: $dtype, $size values", (g) => {
    const a = torchUniform(torchGenerator(g.seed), [g.size], g.from, g.to, { dtype: g.dtype });
    expect(Array.from(a.data.subarray(0, 4))).toEqual(g.first);
    expect(sha256(a)).toBe(g.sha256);
  });

  it("refuses bounds that are not finite or in the wrong order", () => {
    expect(() => torchUniform(torchGenerator(0), [2], 1, 0)).toThrow(/from <= to; got from 1, to 0/);
    expect(() => torchUniform(torchGenerator(0), [2], 0, Number.POSITIVE_INFINITY)).toThrow(OptionError);
    expect(() => torchUniform(torchGenerator(0), [2], Number.NaN, 1)).toThrow(OptionError);
  });
});

describe("torchRandn", () => {
  it.each(golden.randn)("is torch.randn: $dtype, $size values", (g) => {
    const a = torchRandn(torchGenerator(g.seed), [g.size], { dtype: g.dtype });
    expect(largestDifference(a, g.values)).toBeLessThan(g.dtype === "float32" ? 1e-6 : 1e-14);
  });

  it("shares one generator with the uniform draws as PyTorch does, half a normal pair kept between them", () => {
    const rng = torchGenerator(golden.mixed.seed);
    for (const { op, size, values } of golden.mixed.steps) {
      if (op === "randn") expect(largestDifference(torchRandn(rng, [size]), values)).toBeLessThan(1e-6);
      if (op === "rand") expect(Array.from(torchRand(rng, [size]).data)).toEqual(values);
      if (op === "uniform") expect(Array.from(torchUniform(rng, [size], -2, 0.5).data)).toEqual(values);
    }
  });
});
