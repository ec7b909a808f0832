import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { objectiveNames, optimizerNames } from "../../src/app/choices.js";
import {
  defaultState,
  functionNames,
  type LandscapeState,
  methodNames,
  presets,
  printLandscape,
  readLandscape,
  searchNames,
  withSearch,
} from "../../src/screens/landscape/state.js";
import { addressWriter, printAddress, readAddress } from "../../src/url/address.js";
import type { Teleports } from "../../src/url/teleports.js";

// The units of fast-check itself take a second to be listed.
const character = fc.nat({ max: 0x10f7ff }).map((c) => String.fromCodePoint(c < 0xd800 ? c : c + 0x800));
const steps = fc.integer({ min: 0, max: 100_000 });
const coordinate = fc.double({ min: -1e3, max: 1e3, noNaN: true }).map((v) => v + 0);
const teleports: fc.Arbitrary<Teleports> = fc.oneof(
  fc.constant({ kind: "off" } as const),
  fc.integer({ min: 1, max: 100_000 }).map((k) => ({ kind: "every", steps: k }) as const),
  fc
    .uniqueArray(steps, { minLength: 1, maxLength: 20 })
    .map((list) => ({ kind: "at", steps: list.sort((a, b) => a - b) }) as const),
);
const formula = fc.constantFrom("x^2 + y - 11", "x", "2*y+1", "-(x/y)**2", "exp( x )", "sin(x*y) - 1e-3");
const states: fc.Arbitrary<LandscapeState> = fc
  .record({
    f: fc.constantFrom(...functionNames),
    cond: fc.double({ min: 1, max: 1e6, noNaN: true }),
    r1: formula,
    r2: formula,
    view: fc.double({ min: 1e-2, max: 1e3, noNaN: true }),
    x: fc.tuple(coordinate, coordinate),
    opt: fc.constantFrom(...optimizerNames),
    lr: fc.double({ min: 1e-12, max: 1e3, noNaN: true }),
    n: fc.integer({ min: 1, max: 100_000 }),
    tp: teleports,
    search: fc.constantFrom(...searchNames),
    obj: fc.constantFrom(...objectiveNames),
    with: fc.subarray([...methodNames]),
    orbit: fc.constantFrom("start", "here"),
    on: fc.oneof(fc.constant("best" as const), coordinate),
    y: fc.constantFrom("loss", "grad"),
    logx: fc.boolean(),
    logy: fc.boolean(),
  })
  .map(withSearch);

describe("the address of a screen", () => {
  it("holds every state exactly", () => {
    fc.assert(
      fc.property(states, (state) => {
        const query = printLandscape(state);
        expect(readLandscape(query)).toEqual({ state, notices: [] });
        for (const isEmbedded of [false, true]) {
          for (const theme of ["light", "dark", undefined] as const) {
            const address = { screen: "landscape", query, isEmbedded, theme };
            expect(readAddress(printAddress(address))).toEqual({ address, notices: [] });
          }
        }
      }),
    );
  });

  it("never throws, and gives a state within the limits, whatever is typed", () => {
    const key = fc.constantFrom(
      "f",
      "x",
      "lr",
      "n",
      "tp",
      "with",
      "preset",
      "cond",
      "r1",
      "r2",
      "on",
      "logx",
      "__proto__",
      "constructor",
    );
    const texts = fc.oneof(
      fc.string({ unit: character }),
      fc
        .array(fc.tuple(key, fc.string()), { maxLength: 6 })
        .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("&")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const { state } = readLandscape(readAddress(`#/landscape?${text}`).address.query);
        expect(readLandscape(printLandscape(state)).state).toEqual(state);
        expect(state.n).toBeGreaterThanOrEqual(1);
        expect(state.n).toBeLessThanOrEqual(100_000);
        expect(Math.max(...state.x.map(Math.abs))).toBeLessThanOrEqual(1e3);
      }),
    );
  });

  it("leaves defaults out, and reads well", () => {
    expect(printLandscape(defaultState("rosenbrock"))).toBe("");
    expect(printLandscape(defaultState("booth"))).toBe("f=booth");
    const state = {
      ...defaultState("booth"),
      x: [-1.5, 2] as const,
      tp: { kind: "every", steps: 5 } as const,
    };
    expect(printLandscape(state)).toBe("f=booth&x=-1.5,2&tp=every:5");
    expect(printLandscape({ ...state, with: [] })).toBe("f=booth&x=-1.5,2&tp=every:5&with=-");
  });

  it("shows formulas as they are typed, and takes them as they are typed by hand", () => {
    const own = { ...defaultState("own"), r1: "x^2+y/2-11", r2: "(x - y)*3" };
    expect(printLandscape(own)).toBe("f=own&r1=x^2+y/2-11&r2=(x%20-%20y)*3");
    expect(readLandscape("f=own&r1=x^2+y/2-11&r2=(x - y)*3").state).toEqual(own);
    expect(readLandscape("f=own&r1=2x&search=bestAngle")).toEqual({
      state: defaultState("own"),
      notices: [
        'r1: expected an operator or the end, got "x": a product is written 2*x, at character 2.',
        "search=bestAngle needs a group, and none is known: taken as levelSet.",
      ],
    });
    expect(readLandscape("f=own&r1=x+1&r2=x-y&search=bestAngle").notices).toEqual([]);
  });

  it("says what it did not take as it is written", () => {
    expect(readLandscape("lr=1e9&n=2.5&f=nothing&size=3&x=1")).toEqual({
      state: { ...defaultState("rosenbrock"), lr: 1e3, n: 3 },
      notices: [
        "lr=1e9 is beyond 1000: taken as 1000.",
        "n=2.5 is taken as 3.",
        "f=nothing is not one of rosenbrock, booth, quadratic, own: not taken.",
        "size is no setting of this screen.",
        "x=1 is not two numbers with a comma between: not taken.",
      ],
    });
    expect(readLandscape("with=plain,luck").notices).toEqual([
      "with: luck is none of plain, teleported, hand, random, rate, lbfgs, cg.",
    ]);
  });

  it("says of a key with several values which one it takes", () => {
    expect(readLandscape("f=quadratic&f=booth")).toEqual({
      state: defaultState("quadratic"),
      notices: ["f has 2 values: the first is taken, quadratic."],
    });
    expect(readLandscape("preset=booth&preset=circle&n=5")).toEqual({
      state: { ...presets.booth.state, n: 5 },
      notices: ["preset has 2 values: the first is taken, booth."],
    });
    expect(readAddress("#/landscape?theme=dark&theme=light")).toMatchObject({
      address: { theme: "dark" },
      notices: ["theme has 2 values: the first is taken, dark."],
    });
  });

  it("says of a period of teleports what the address has", () => {
    expect(readLandscape("tp=every:0").notices).toEqual(["tp=every:0 is beyond 1: taken as 1."]);
    expect(readLandscape("tp=every:week").notices).toEqual([
      "tp=every:week is not a whole number: not taken.",
    ]);
  });

  it("says how many steps of teleports it takes", () => {
    const list = (length: number) => Array.from({ length }, (_, k) => k);
    expect(readLandscape(`n=9999&tp=${list(1000)}`).notices).toEqual([]);
    const { state, notices } = readLandscape(`n=9999&tp=${list(1001)}`);
    expect(notices).toEqual(["tp: at most 1000 steps, so the first of them."]);
    expect(state.tp).toEqual({ kind: "at", steps: list(1000) });
  });

  it("applies a preset first, and other keys on top", () => {
    for (const [name, { state }] of Object.entries(presets)) {
      expect(readLandscape(`preset=${name}`)).toEqual({ state, notices: [] });
      expect(readLandscape(`n=7&preset=${name}`).state).toEqual({ ...state, n: 7 });
    }
    expect(readLandscape("preset=nothing").notices[0]).toMatch(/^preset=nothing is none of rosenbrock, /);
  });

  it("has keys of all screens, which no screen reads", () => {
    expect(readAddress("#/landscape?theme=dark&f=booth&embed=1")).toEqual({
      address: { screen: "landscape", query: "f=booth", isEmbedded: true, theme: "dark" },
      notices: [],
    });
    expect(readAddress("#/landscape?theme=blue")).toEqual({
      address: { screen: "landscape", query: "", isEmbedded: false, theme: undefined },
      notices: ["theme=blue is not one of light, dark: not taken."],
    });
  });

  it("is written after a pause, the newest only, and not where it is the same", () => {
    const landscape = { screen: "landscape", isEmbedded: false };
    let hash = "";
    const written: string[] = [];
    const writer = addressWriter({
      hash: () => hash,
      replace(next) {
        hash = next;
        written.push(next);
      },
    });
    writer.write({ ...landscape, query: "n=1" });
    writer.write({ ...landscape, query: "n=2" });
    expect(written).toEqual([]);
    writer.flush();
    writer.write({ ...landscape, query: "n=2" });
    writer.flush();
    expect(written).toEqual(["#/landscape?n=2"]);
    writer.write({ ...landscape, query: "n=3" });
    writer.forget();
    writer.flush();
    expect(written).toHaveLength(1);
  });
});
