import type { NdArray } from "isoloss";
import { afterEach, describe, expect, it, vi } from "vitest";

type Feeds = Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>;

/** What ONNX Runtime throws when a file is loaded, and when it is run. */
const errors: { load?: Error | undefined; run?: Error | undefined } = {};

/** ONNX Runtime for y = x, of a file whose first byte is 2 for y = 2 x; it writes every result over the one before. */
class FakeSession {
  readonly inputMetadata = [{ name: "x", isTensor: true, type: "float32" }];
  readonly outputNames = ["y"];
  readonly #y = new Float32Array(6);

  private constructor(readonly factor: number) {}

  static async create([first]: Uint8Array): Promise<FakeSession> {
    if (errors.load) throw errors.load;
    return new FakeSession(first === 2 ? 2 : 1);
  }

  async run({ x: { dims, data } }: Feeds) {
    if (errors.run) throw errors.run;
    this.#y.set(data.map((x) => this.factor * x));
    return { y: { type: "float32", dims, data: this.#y.subarray(0, data.length) } };
  }

  async release(): Promise<void> {}
}

vi.mock("onnxruntime-web/wasm", () => ({
  env: { wasm: {} },
  InferenceSession: FakeSession,
  Tensor: class {
    constructor(
      readonly type: string,
      readonly data: Float32Array,
      readonly dims: readonly number[],
    ) {}
  },
}));
const { compareInOrt } = await import("../../src/screens/model/ort.js");
const { Session } = await import("../../src/screens/model/session.js");
const { fileOf, node } = await import("./model-files.js");

afterEach(() => {
  errors.load = undefined;
  errors.run = undefined;
  vi.restoreAllMocks();
});

describe("the comparison in ONNX Runtime", () => {
  it("makes the inputs of a run after the run before, and keeps its differences alone", async () => {
    const events: string[] = [];
    const batch = (name: string, ...x: number[]) => {
      const array: NdArray = { shape: [x.length], data: Float32Array.from(x) };
      return () => {
        events.push(name);
        return { x: array };
      };
    };
    const goOn = async (run: number, of: number) => events.push(`run ${run} of ${of}`) > 0;
    const lists = [
      [batch("small", 1, -1), batch("large", 4, -8), batch("zero", 0, 0)],
      [],
      [batch("own", 3)],
    ];
    const found = await compareInOrt(Uint8Array.of(1), Uint8Array.of(2), lists, goOn);
    expect(found).toEqual([
      [{ name: "y", shape: [2], absolute: 8, relative: 1, numbers: 6, nan: 0 }],
      [],
      [{ name: "y", shape: [1], absolute: 3, relative: 1, numbers: 1, nan: 0 }],
    ]);
    expect(events.join()).toBe("run 1 of 4,small,run 2 of 4,large,run 3 of 4,zero,run 4 of 4,own");
  });

  describe("of a model that JavaScript takes long for", () => {
    const slow = () => {
      let time = 0;
      vi.spyOn(performance, "now").mockImplementation(() => (time += 3000));
      return new Session(fileOf([node("Relu", ["x"], "y")]));
    };

    it("is done in JavaScript where ONNX Runtime is missing", async () => {
      const session = slow();
      errors.load = new Error("no available backend found.");
      expect(await session.check(0)).toMatchObject({ isInOrt: false, outputs: [{ relative: 0 }] });
    });

    it("says why a run failed, and is tried again", async () => {
      const session = slow();
      errors.run = new Error("input 'mask' is missing in 'feeds'.");
      await expect(session.check(0)).rejects.toThrow(/'mask' is missing/);
      errors.run = undefined;
      expect(await session.check(0)).toMatchObject({ isInOrt: true, outputs: [{ relative: 0 }] });
    });
  });
});
