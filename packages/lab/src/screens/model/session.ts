// One model: read, drawn, its symmetries found, moved along them and compared with the file.
import { DataError, IsolossError, type Symmetries, spec, symmetriesOf, type Tensor, trace } from "isoloss";
import { balanced } from "isoloss/moves";
import { decodeModel, type ImportedModel, type OnnxModel, type OutputDifference } from "isoloss/onnx";
import { add, cast, mean, square, sub } from "isoloss/ops";
import { type DiscoveryDescription, describeDiscovery } from "isoloss/symmetry";
import {
  compareModels,
  createParamsComparison,
  fromOnnx,
  modelOperators,
  type ParamsComparison,
  type StorageRounding,
  storageRounding,
  withParams,
} from "isoloss-onnx";
import { type Figures, figuresOf } from "./figures.js";
import type { Folded } from "./fold.js";
import { type Act, type MovableGroup, movableGroups, type Params, randomMove } from "./groups.js";
import { graphOf, type ModelGraph } from "./model-graph.js";
import type { GoOn } from "./ort.js";
import type { Batch } from "./own-inputs.js";
import { randomBatch } from "./random-batch.js";
import { openSizes, type Sizes, shapeOf } from "./sizes.js";
import { type Unmoved, unmovedOf } from "./unmoved.js";
import { lookOf, type WeightLook } from "./weight-looks.js";

/** What the file says of itself. */
export interface Summary {
  readonly producer: string;
  readonly opset: number;
  readonly bytes: number;
  readonly nodes: number;
  /** Undefined where the file cannot be read as a computation. */
  readonly parameters: { readonly tensors: number; readonly numbers: number } | undefined;
  /** Names and types of inputs and outputs, such as `x float32[batch, 8]`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Batch norms, which can be folded where a layer is before them. */
  readonly batchNorms: number;
  /** Operators that are not read, with the number of their nodes. */
  readonly unknown: readonly { readonly name: string; readonly count: number }[];
  /** Sizes of axes that the file leaves open. */
  readonly sizes: Sizes;
  /** Why the model cannot be moved; the error's own words. */
  readonly problem: string | undefined;
}

/** The symmetries that were found, and how each can be moved along. */
export interface Found extends DiscoveryDescription {
  readonly moves: readonly MovableGroup["moves"][];
  readonly unmoved: readonly Unmoved[];
  /** Operators at which scalings of units end, with the number of their nodes. */
  readonly stops: readonly { readonly operator: string; readonly nodes: number }[];
}

/** How far the outputs are from those of the file, on fresh inputs and on inputs ten times as large. */
export interface Check {
  readonly seed: number;
  /** Whether it was computed in ONNX Runtime, as JavaScript takes long for the model. */
  readonly isInOrt: boolean;
  /** What rounding does to the file's weights, and to moved ones. */
  readonly weights: StorageRounding;
  readonly outputs: readonly OutputDifference[];
  readonly tenfold: readonly OutputDifference[];
  /** The same on the user's own inputs, if some were given. */
  readonly own: readonly OutputDifference[];
}

/** The same in ONNX Runtime, on the file's types. */
export interface OrtComparison {
  readonly outputs: readonly OutputDifference[];
  /** Number of examples that were compared. */
  readonly examples: number;
}

/** Examples that are compared there at least. */
const leastExamples = 64;

/** Milliseconds in which JavaScript compiles and runs a model once; those that take longer are compared in ONNX Runtime. */
const patience = 2000;

/** A change of the parameters. */
export type Change =
  | { readonly kind: "group"; readonly group: number; readonly act: Act }
  /** A random element of each group that is exact, one after another. */
  | { readonly kind: "random"; readonly seed: number }
  | { readonly kind: "balance"; readonly by: "norm" | "range" };

/** Where the parameters are: at `base`, and from there along directions of groups. */
export interface Point {
  readonly base: Params;
  /** How far along the direction of each group; 0 where a group is not here. */
  readonly slides: ReadonlyMap<number, number>;
  readonly params: Params;
}

/** What the page shows of a point. */
export interface Position {
  /** How far along the direction of each group. */
  readonly slides: readonly number[];
  /** Names of the parameters that differ from the file. */
  readonly moved: readonly string[];
  readonly canUndo: boolean;
}

export interface FiguresOfPoint {
  readonly file: Figures;
  readonly now: Figures;
}

/** Points that can be gone back to. */
const mostUndos = 50;
/** Bytes of parameters that are kept of points: older ones are left out. */
const mostKept = 64e6;

export class Session {
  readonly model: OnnxModel;
  readonly summary: Summary;
  readonly graph: ModelGraph;
  readonly #bytes: Uint8Array;
  readonly #imported: ImportedModel | undefined;
  readonly #weights: StorageRounding;
  #symmetries: Symmetries<Params> | undefined;
  #description: Found | undefined;
  #groups: readonly MovableGroup[] = [];
  /** Parameters that move together with others: one of them alone changes the function. */
  #paired: ReadonlySet<string> = new Set();
  #comparison: Promise<ParamsComparison> | undefined;
  #ownFigures: Figures | undefined;
  /** Inputs of the user's own. */
  #own: readonly Batch[] = [];
  /** Whether JavaScript takes long for the model. */
  #isSlow = false;
  #point: Point;
  #before: Point[] = [];

  /** @throws DataError for bytes that are no ONNX model */
  constructor(bytes: Uint8Array, given: Sizes = {}) {
    this.#bytes = bytes;
    this.model = decodeModel(bytes);
    this.#weights = storageRounding(bytes);
    const operators = modelOperators(bytes);
    const unknown = operators.filter(({ isSupported }) => !isSupported);
    const { imported, problem } = readModel(bytes);
    this.#imported = imported;
    const params = imported?.params ?? {};
    this.#point = { base: params, slides: new Map(), params };
    this.graph = graphOf(this.model, new Set(unknown.map(({ name }) => name)), (name) =>
      Object.hasOwn(params, name),
    );
    const { producer, opsets } = this.model;
    const named = (kind: "input" | "output") =>
      this.graph.nodes.flatMap(({ kind: own, name, type }) =>
        own === kind ? [`${name} ${type}`.trim()] : [],
      );
    const arrays = Object.values(params);
    this.summary = {
      producer,
      opset: opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0,
      bytes: bytes.length,
      nodes: this.model.graph.nodes.length,
      parameters: imported && {
        tensors: arrays.length,
        numbers: arrays.reduce((sum, { data }) => sum + data.length, 0),
      },
      inputs: named("input"),
      outputs: named("output"),
      batchNorms: operators.find(({ name }) => name === "BatchNormalization")?.count ?? 0,
      unknown: unknown.map(({ name, count }) => ({ name, count })),
      sizes: imported ? openSizes(imported.inputs, given) : {},
      problem,
    };
  }

  /** @throws what tracing throws, such as for sizes that the model does not take */
  async find(): Promise<Found> {
    if (this.#description !== undefined) return this.#description;
    const model = this.#readable();
    this.#symmetries = symmetriesOfModel(model, this.summary.sizes);
    this.#groups = movableGroups(this.#symmetries, model.params);
    const description = describeDiscovery(model.params, this.#symmetries.found);
    const paths = description.groups.map(({ axes }) => new Set(axes.map(({ path }) => path)));
    this.#paired = new Set(paths.filter(({ size }) => size > 1).flatMap((own) => [...own]));
    const { sizes } = this.summary;
    const shapes = Object.fromEntries(model.inputs.map((input) => [input.name, shapeOf(input, sizes)]));
    const stops = modelOperators(this.#bytes, { shapes }).flatMap(({ name: operator, stops: nodes = 0 }) =>
      nodes === 0 ? [] : [{ operator, nodes }],
    );
    const names = Object.keys(model.params);
    const stopping = new Set(stops.map(({ operator }) => operator));
    this.#description = {
      ...description,
      moves: this.#groups.map(({ moves }) => moves),
      unmoved: unmovedOf(this.graph, names, description.groups, stopping),
      stops,
    };
    return this.#description;
  }

  /**
   * @param isBroken leaves out the weight that moves most: no symmetry any more, which a check must notice
   * @param isContinued whether a slide goes on, so that undoing goes back to where it began
   */
  async move(
    change: Change,
    {
      seed,
      isBroken = false,
      isContinued = false,
    }: { readonly seed: number; readonly isBroken?: boolean; readonly isContinued?: boolean },
  ): Promise<Position> {
    await this.find();
    const before = this.#point;
    const after = await this.#moved(before, change, seed);
    const params = isBroken ? withoutOne(before.params, after.params, this.#paired) : after.params;
    if (!isContinued) this.#before = [...this.#before.slice(1 - mostUndos), before];
    this.#point = isBroken ? { base: params, slides: new Map(), params } : { ...after, params };
    return this.position();
  }

  /** Those of parameters that differ from the file. */
  #changed(params: Params): Params {
    const { params: own } = this.#readable();
    return Object.fromEntries(Object.entries(params).filter(([name, array]) => array !== own[name]));
  }

  /** The point, and those that undoing goes back to, the last one first: with the parameters that differ from the file. */
  get points(): readonly Point[] {
    if (this.#imported === undefined) return [];
    const counted = new Set<Params[string]>();
    const points: Point[] = [];
    let left = mostKept;
    for (const { base, slides, params } of [this.#point, ...[...this.#before].reverse()]) {
      const point = { base: this.#changed(base), slides, params: this.#changed(params) };
      for (const array of [...Object.values(point.base), ...Object.values(point.params)]) {
        if (!counted.has(array)) left -= array.data.byteLength;
        counted.add(array);
      }
      if (points.length > 0 && left < 0) break;
      points.push(point);
    }
    return points;
  }

  /** Goes on from {@link points} of a session of the same file. */
  restore(points: readonly Point[]): void {
    if (points.length === 0) return;
    const { params: own } = this.#readable();
    const whole = (changed: Params) => (Object.keys(changed).length > 0 ? { ...own, ...changed } : own);
    const [point, ...before] = points.map(({ base, slides, params }) => ({
      base: whole(base),
      slides,
      params: whole(params),
    }));
    this.#point = point;
    this.#before = before.reverse();
  }

  async undo(): Promise<Position> {
    await this.find();
    this.#point = this.#before.pop() ?? this.#point;
    return this.position();
  }

  /** Back to the file. */
  async reset(): Promise<Position> {
    await this.find();
    const { params } = this.#readable();
    if (this.#point.params !== params) this.#before.push(this.#point);
    this.#point = { base: params, slides: new Map(), params };
    return this.position();
  }

  position(): Position {
    const { slides } = this.#point;
    return {
      slides: this.#groups.map((_, k) => slides.get(k) ?? 0),
      moved: Object.keys(this.#changed(this.#point.params)),
      canUndo: this.#before.length > 0,
    };
  }

  get hasInputs(): boolean {
    return this.#own.length > 0;
  }

  /** Takes inputs of the user's own into the check; returns the number of their examples. */
  async takeInputs(files: readonly File[]): Promise<number> {
    const { ownInputs } = await import("./own-inputs.js");
    this.#own = await ownInputs(files, this.#readable().inputs, this.summary.sizes);
    return this.#own.reduce((sum, batch) => sum + (Object.values(batch)[0]?.shape[0] ?? 1), 0);
  }

  /**
   * Compares the outputs with those of the file.
   *
   * @param goOn of ONNX Runtime, which computes models that JavaScript takes long for
   */
  async check(seed: number, goOn?: GoOn): Promise<Check> {
    const model = this.#readable();
    const { sizes } = this.summary;
    const weights = this.#weights;
    if (this.#comparison === undefined) {
      const began = performance.now();
      this.#comparison = createParamsComparison(model, { sizes });
      await this.#comparison;
      this.#isSlow = performance.now() - began > patience;
    }
    const inOrt = this.#isSlow ? await this.#checkInOrt(seed, goOn) : undefined;
    if (inOrt !== undefined) return { seed, weights, ...inOrt, isInOrt: true };
    const comparison = await this.#comparison;
    // As the saved file will have them: rounded.
    const params = weights.type === "float32" ? this.#point.params : readWithStatistics(this.file()).params;
    const { outputs } = await comparison.compare(params, { seed });
    const { outputs: tenfold } = await comparison.compare(params, { seed: seed + 1, factor: 10 });
    const own =
      this.#own.length === 0
        ? []
        : (await compareModels(this.#bytes, this.file(), { inputs: this.#own, sizes, runtime: "javascript" }))
            .outputs;
    return { seed, weights, outputs, tenfold, own, isInOrt: false };
  }

  /** The same in ONNX Runtime; undefined where it cannot be loaded, or does not take the model. */
  async #checkInOrt(
    seed: number,
    goOn?: GoOn,
  ): Promise<Pick<Check, "outputs" | "tenfold" | "own"> | undefined> {
    const { inputs } = this.#readable();
    const { sizes } = this.summary;
    const fresh = randomBatch(inputs, sizes, seed);
    const large = randomBatch(inputs, sizes, seed + 1);
    for (const { data } of Object.values(large)) {
      if (data instanceof Float32Array || data instanceof Float64Array) data.set(data.map((x) => 10 * x));
    }
    const lists = [[fresh], [large], this.#own].map((batches) => batches.map((batch) => () => batch));
    const ort = await import("./ort.js").catch(() => undefined);
    const found = await ort?.compareInOrt(this.#bytes, this.file(), lists, goOn).catch((error: Error) => {
      if (error.name !== "NoOrt") throw error;
      return undefined;
    });
    if (found === undefined) {
      this.#isSlow = false;
      return undefined;
    }
    const [outputs, tenfold, own] = found;
    return { outputs, tenfold, own };
  }

  /** Compares the moved file with the file in ONNX Runtime, on fresh inputs. */
  async compareInOrt(seed: number, goOn?: GoOn): Promise<OrtComparison> {
    const { inputs } = this.#readable();
    const { sizes } = this.summary;
    const [each = 1] = inputs.length > 0 ? shapeOf(inputs[0], sizes) : [];
    const runs = Math.ceil(leastExamples / Math.max(1, each));
    const batches = Array.from({ length: runs }, (_, k) => () => randomBatch(inputs, sizes, seed + k));
    const { compareInOrt } = await import("./ort.js");
    const [outputs] = await compareInOrt(this.#bytes, this.file(), [batches], goOn);
    return { outputs, examples: runs * each };
  }

  /** Some parameters, in the file and as they are now. */
  looks(names: readonly string[]): readonly WeightLook[] {
    const { params: own } = this.#readable();
    const { params } = this.#point;
    return names.map((name) => ({
      name,
      shape: own[name].shape,
      file: lookOf(own[name]),
      now: lookOf(params[name]),
    }));
  }

  /** Figures of the weights, in the file and now. */
  figures(): FiguresOfPoint {
    const { params: own } = this.#readable();
    this.#ownFigures ??= figuresOf(own, this.#found().found);
    const { params } = this.#point;
    return {
      file: this.#ownFigures,
      now: params === own ? this.#ownFigures : figuresOf(params, this.#found().found),
    };
  }

  /** The file with the parameters as they are now: every other byte stays. */
  file(): Uint8Array {
    return withParams(this.#bytes, this.#changed(this.#point.params));
  }

  /** The file as it came, without batch norms where they can be folded. */
  async folded(): Promise<Folded> {
    const { folded } = await import("./fold.js");
    return folded(this.#bytes);
  }

  async dispose(): Promise<void> {
    await (await this.#comparison)?.dispose();
    await this.#symmetries?.shifts?.dispose?.();
  }

  async #moved({ base, slides, params }: Point, change: Change, seed: number): Promise<Point> {
    if (change.kind === "balance")
      return fixed(await balanced(params, this.#found().found, { by: change.by }));
    if (change.kind === "random") return fixed(await randomMove(this.#found(), params, change.seed));
    const { group, act } = change;
    if (act.kind !== "slide") return fixed(await this.#groups[group].act(params, act, seed));
    const next = new Map(slides).set(group, act.t);
    let moved = base;
    for (const [k, own] of this.#groups.entries()) {
      const t = next.get(k) ?? 0;
      if (t !== 0) moved = await own.act(moved, { kind: "slide", t }, seed);
    }
    return { base, slides: next, params: moved };
  }

  #readable(): ImportedModel {
    if (this.#imported !== undefined) return this.#imported;
    throw new DataError(this.summary.problem ?? "The model cannot be read.");
  }

  #found(): Symmetries<Params> {
    if (this.#symmetries === undefined) throw new Error("The symmetries were not found yet.");
    return this.#symmetries;
  }
}

/** A point that no slide leads to. */
export const fixed = (params: Params): Point => ({ base: params, slides: new Map(), params });

/** The parameters after a change, but for the one of some that it changed most. */
function withoutOne(before: Params, after: Params, of: ReadonlySet<string>): Params {
  let [most, left] = [0, ""];
  for (const [name, { data }] of Object.entries(after)) {
    if (!of.has(name)) continue;
    const old = before[name].data as Float32Array;
    const change = (data as Float32Array).reduce((sum, x, i) => sum + (x - old[i]) ** 2, 0);
    if (change > most) [most, left] = [change, name];
  }
  return most === 0 ? after : { ...after, [left]: before[left] };
}

// A file as a model whose symmetries are looked for, as far as it can be read.

/** The model, or why it cannot be read as a computation: the library's own words. */
interface ReadModel {
  readonly imported: ImportedModel | undefined;
  readonly problem: string | undefined;
}

function readModel(bytes: Uint8Array): ReadModel {
  try {
    const imported = readWithStatistics(bytes);
    const unranked = imported.inputs.find(({ shape }) => shape === undefined);
    if (unranked === undefined) return { imported, problem: undefined };
    const problem = `The file does not say how many axes the input "${unranked.name}" has. Export the model with the shapes of its inputs.`;
    return { imported: undefined, problem };
  } catch (error) {
    if (!(error instanceof IsolossError)) throw error;
    return { imported: undefined, problem: error.message };
  }
}

/** A file with the running statistics of its batch norms among the parameters: they move with their channels. */
function readWithStatistics(bytes: Uint8Array): ImportedModel {
  const imported = fromOnnx(bytes);
  const { params, state } = imported;
  if (Object.keys(state).length === 0) return imported;
  const names = new Set([...Object.keys(params), ...Object.keys(state)]);
  return fromOnnx(bytes, { isParameter: (name) => names.has(name.replaceAll(":", "_")) });
}

/**
 * The symmetries of the distances of all outputs from any targets: what keeps these on all inputs keeps the outputs.
 */
function symmetriesOfModel(model: ImportedModel, sizes: Sizes): Symmetries<Params> {
  const { params, inputs, outputs } = model;
  const named = (batch: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(inputs.map(({ name }, i) => [name, batch[`x${i}`]]));
  const arrays = Object.fromEntries(
    inputs.map((input, i) => [`x${i}`, spec(shapeOf(input, sizes), input.dtype)]),
  );
  const { graph } = trace(({ p, x }) => Object.values(model.apply(p, named(x))), { p: params, x: arrays });
  const targets = graph.outputs.map(({ tensor }, i) => [`y${i}`, spec(tensor.shape, "float32")] as const);
  const distance = (p: Readonly<Record<string, Tensor>>, batch: Readonly<Record<string, Tensor>>): Tensor => {
    const results = model.apply(p, named(batch));
    const all = outputs.map((name, i) => mean(square(sub(cast(results[name], "float32"), batch[`y${i}`]))));
    return all.reduce((a, b) => add(a, b));
  };
  return symmetriesOf<Params>(distance as never, params, { ...arrays, ...Object.fromEntries(targets) });
}
