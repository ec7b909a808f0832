import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError, OptionError } from "../../src/errors.js";
import { createRng, hash32, permutation, type RngState } from "../../src/math/rng.js";

// Figures called "by the formula" were computed from the docstrings' formulas with Python's integers.

/** Pearson's chi-squared statistic of counts that should be equal. */
function chiSquared(counts: ArrayLike<number>): number {
  const all = Array.from(counts);
  const expected = all.reduce((a, b) => a + b, 0) / all.length;
  return all.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
}

describe("hash32", () => {
  it("follows its formula on unsigned 32-bit integers", () => {
    expect([0, 1, 2, 0xdeadbeef, 0xffffffff].map(hash32)).toEqual([
      0, 2261973619, 229111015, 707447538, 2578835075,
    ]);
  });

  it("changes each output bit about half the time when one input bit changes", () => {
    const trials = 4096;
    const flips = new Int32Array(32 * 32);
    for (let t = 0; t < trials; t++) {
      const x = Math.imul(t, 0x9e3779b9) >>> 0;
      for (let i = 0; i < 32; i++) {
        const change = hash32(x) ^ hash32((x ^ (1 << i)) >>> 0);
        for (let o = 0; o < 32; o++) flips[32 * i + o] += (change >>> o) & 1;
      }
    }
    // Six standard deviations of 4096 fair coins around one half.
    for (const n of flips) expect(Math.abs(n / trials - 0.5)).toBeLessThan(0.047);
  });
});

describe("createRng", () => {
  it("gives the words of its formula", () => {
    const rng = createRng(12345);
    expect([0, 1, 2, 3].map(() => rng.int(2 ** 32))).toEqual([2423650836, 2180613799, 1550442014, 133838554]);
    expect(createRng(12345).next()).toBe(0.5643001832642682);
  });

  it("goes on beyond 2^32 draws without starting again", () => {
    const rng = createRng(12345);
    rng.restore({ ...rng.state(), counter: 2 ** 32 + 5 });
    expect(rng.int(2 ** 32)).toBe(1678002046);
  });

  it("spreads next() evenly over [0, 1)", () => {
    const rng = createRng(1);
    const counts = new Int32Array(100);
    let previous = 0;
    let product = 0;
    for (let i = 0; i < 100_000; i++) {
      const x = rng.next();
      counts[Math.floor(100 * x)]++;
      product += (x - 0.5) * (previous - 0.5);
      previous = x;
    }
    // The 99.99 % point of chi-squared with 99 degrees of freedom is 161; four standard deviations of the correlation.
    expect(chiSquared(counts)).toBeLessThan(161);
    expect(Math.abs((12 * product) / 100_000)).toBeLessThan(4 / Math.sqrt(100_000));
  });

  it("draws int(n) evenly, also where 2^32 is far from a multiple of n", () => {
    const rng = createRng(2);
    const n = 3 * 2 ** 30;
    const counts = new Int32Array(3);
    for (let i = 0; i < 30_000; i++) counts[Math.floor(rng.int(n) / 2 ** 30)]++;
    // Without rejection the first third would be drawn twice as often. 99.99 % point, 2 degrees of freedom: 18.4.
    expect(chiSquared(counts)).toBeLessThan(18.4);
  });

  it("keeps int(n) in range", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer(), (n, seed) => {
        const k = createRng(seed).int(n);
        expect(Number.isInteger(k) && k >= 0 && k < n).toBe(true);
      }),
    );
  });

  it("draws normals with mean 0, variance 1 and kurtosis 3", () => {
    const rng = createRng(5);
    const n = 100_000;
    const moments = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const x = rng.normal();
      moments[0] += x / n;
      moments[1] += x ** 2 / n;
      moments[2] += x ** 4 / n;
    }
    // Four standard errors: sqrt(1/n), sqrt(2/n), sqrt(96/n).
    expect(Math.abs(moments[0])).toBeLessThan(4 * Math.sqrt(1 / n));
    expect(Math.abs(moments[1] - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moments[2] - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
  });

  it("forks streams by label that do not depend on draws or on other forks", () => {
    const rng = createRng(12345);
    rng.fork("batches").next();
    rng.next();
    const word = (label: string | number) => rng.fork(label).int(2 ** 32);
    expect([word("dropout"), word(7)]).toEqual([1658504195, 3447678890]);
    const first = [rng, ...["7", 7, "a", "b", "ab", "", 0, -1, 2 ** 33].map((l) => rng.fork(l))];
    first.push(rng.fork("a").fork("b"), rng.fork("b").fork("a"));
    expect(new Set(first.map((r) => r.next())).size).toBe(first.length);
  });

  it("gives unrelated streams to neighboring seeds and forks", () => {
    for (const word of [(i: number) => createRng(i).int(256), (i: number) => createRng(0).fork(i).int(256)]) {
      const counts = new Int32Array(256);
      for (let i = 0; i < 50_000; i++) counts[word(i)]++;
      // 99.99 % point of chi-squared with 255 degrees of freedom.
      expect(chiSquared(counts)).toBeLessThan(347);
    }
  });

  it("goes on from a state that went through JSON, forks included", () => {
    const rng = createRng(8).fork("x");
    rng.next();
    const state: RngState = JSON.parse(JSON.stringify(rng.state()));
    const expected = [rng.next(), rng.normal(), rng.int(10), rng.fork(1).next()];
    const other = createRng(0);
    other.restore(state);
    expect([other.next(), other.normal(), other.int(10), other.fork(1).next()]).toEqual(expected);
  });

  it("refuses seeds, bounds and states out of range", () => {
    expect(() => createRng(0.5)).toThrow(OptionError);
    expect(() => createRng(0).fork(Number.NaN)).toThrow(/A fork's number must be an integer/);
    expect(() => createRng(0).int(0)).toThrow(/1\.\.2\^32; got 0/);
    expect(() => createRng(0).int(2 ** 33)).toThrow(OptionError);
    expect(() => createRng(0).restore({ kind: "counter", key: [1, -1], counter: 0 })).toThrow(DataError);
    expect(() => createRng(0).restore({ kind: "counter", key: [1, 1], counter: -1 })).toThrow(
      /counter: an integer/,
    );
    expect(() => createRng(0).restore({} as RngState)).toThrow(DataError);
    expect(() => createRng(0).restore({ counter: 1n } as never)).toThrow("got { counter: 1n }");
  });
});

describe("shuffle", () => {
  it("keeps the elements and returns its argument, for lists and typed arrays", () => {
    const list = ["a", "b", "c"];
    expect(createRng(0).shuffle(list)).toBe(list);
    expect([...list].sort()).toEqual(["a", "b", "c"]);
    const big = createRng(0).shuffle(BigInt64Array.from([1n, 2n, 3n]));
    expect([...big].sort()).toEqual([1n, 2n, 3n]);
  });
});

describe("permutation", () => {
  it("is the Fisher-Yates shuffle of its formula", () => {
    expect(Array.from(permutation(10, 3, 2))).toEqual([1, 5, 7, 6, 9, 2, 0, 3, 4, 8]);
  });

  it("holds each of 0..n-1 once", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer(), fc.nat(50), (n, seed, epoch) => {
        const sorted = Array.from(permutation(n, seed, epoch)).sort((a, b) => a - b);
        expect(sorted).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it("takes each order of four about equally often over the epochs", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 24_000; epoch++) {
      const order = permutation(4, 9, epoch).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 99.99 % point of chi-squared with 23 degrees of freedom.
    expect(chiSquared([...counts.values()])).toBeLessThan(58.6);
  });

  it("differs between seeds and between epochs, and repeats for the same", () => {
    expect(permutation(50, 1, 0)).toEqual(permutation(50, 1));
    expect(permutation(50, 1, 0)).not.toEqual(permutation(50, 2, 0));
    expect(permutation(50, 1, 0)).not.toEqual(permutation(50, 1, 1));
  });

  it("refuses a length that is not a count", () => {
    expect(() => permutation(-1, 0)).toThrow(/0\.\.2\^31 - 1; got -1/);
    expect(() => permutation(2.5, 0)).toThrow(OptionError);
  });
});
