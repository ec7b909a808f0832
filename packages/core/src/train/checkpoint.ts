import { dtypeOf, isNdArray, type NdArray, ndarray, type TypedArray } from "../array.js";
import { crc32 } from "../data/crc32.js";
import { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
import { DataError, IsolossError } from "../errors.js";
import { withoutUndefined } from "../options.js";
import { flatten, mapValues, namedArrays, unflattenNamed } from "../tree.js";
import { type History, mapColumns } from "./history.js";
import { type ResumeOptions, type RunSettings, requireSameSettings } from "./run-settings.js";
import { arraysOf, checkArrays, type RunState, type TrainState } from "./state.js";

/** The layouts: new files have the first; the others are those of earlier versions. */
const layouts = ["isoloss-checkpoint-4", "isoloss-checkpoint-3", "isoloss-multi-task-2"] as const;

/** A run as it is stored: arrays by path, and the rest as plain data. */
export interface StoredRun<R, H> {
  /** Parameters, state and optimizer's state under their paths: `params.layers.0.weight`. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** The rest of the run's state: the number of steps done, and the states of method and schedule. */
  readonly rest: R & { readonly step: number };
  readonly history: H;
  /** Settings of the run that wrote it. */
  readonly settings: RunSettings;
}

/** A checkpoint of a trainer or a minimization as read from a file. */
export type Checkpoint = StoredRun<Rest, History>;

/** A state without step and arrays. */
type Rest = Pick<TrainState<unknown, unknown>, "schedule" | "best" | "seen">;

/** A run from which a checkpoint can be created: a trainer, or a minimization in progress. */
export interface CheckpointSource<T, H> {
  readonly current: T;
  readonly history: H;
  readonly settings: RunSettings;
}

/** The trees of arrays of a run's state. */
interface StateTrees {
  readonly params: unknown;
  readonly state: unknown;
  readonly optimizer: unknown;
}

/** The plain data of a checkpoint. */
interface Plain {
  readonly state: { readonly step: number };
  /** Empty lists stand for those that are stored as arrays. */
  readonly history: object;
  readonly settings: RunSettings;
}

/** Prefixes of arrays that do not belong to the run's state. */
const prefixes = { history: "history.", plain: "rest." };

/**
 * The state of a training run as the bytes of one safetensors file: parameters, optimizer and model state as tensors
 * under their paths (`params.layers.0.weight`), the history as `history.loss` and so on, the step, the teleports, the
 * run's settings and a checksum in the metadata. A single file, so that a crash cannot leave half a
 * checkpoint (see `saveCheckpoint`).
 *
 * @param run a trainer, or the argument of a minimization's `onLoop`
 *
 * @example
 * const bytes = encodeCheckpoint(trainer);
 */
export const encodeCheckpoint = <P, S>(run: CheckpointSource<TrainState<P, S>, History>): Uint8Array =>
  encodeRun(run);

/** The bytes of a run of one task or of several. @throws DataError unless its state is arrays and plain data */
export function encodeRun({
  current,
  history,
  settings,
}: CheckpointSource<RunState<unknown, unknown, unknown>, object>): Uint8Array {
  const { params: _, state: __, optimizer: ___, ...rest } = current;
  const columns: Record<string, NdArray> = {};
  const empty = mapColumns(history, (list, path) => {
    if (list.length > 0) columns[prefixes.history + path] = ndarray(Float64Array.from(list), [list.length]);
    return [];
  });
  const plain: Plain = { state: withoutUndefined(rest), history: empty, settings };
  const { text, arrays } = packData(plain, "rest");
  const all = { ...arraysOf(current), ...arrays, ...columns };
  const step = `${current.step}`;
  return encodeSafetensors(all, { format: layouts[0], step, rest: text, crc32: checksum(step, text, all) });
}

/**
 * Reads a checkpoint.
 *
 * @throws DataError when the bytes are not a checkpoint of this library or are damaged
 *
 * @example
 * const { rest, tensors } = decodeCheckpoint(bytes);
 * console.log(rest.step, Object.keys(tensors));
 */
export const decodeCheckpoint = (bytes: Uint8Array): Checkpoint =>
  decodeRun(bytes, { hasTasks: false }) as Checkpoint;

/** Restores what {@link encodeRun} has stored, or an earlier version. @throws DataError */
export function decodeRun(
  bytes: Uint8Array,
  { hasTasks }: { readonly hasTasks: boolean },
): StoredRun<object, object> {
  const { tensors: all, metadata } = decodeSafetensors(bytes);
  const { rest: text = "", step: number = "", format = "none" } = metadata;
  const layout = layouts.find((name) => name === format);
  if (layout === undefined) {
    throw new DataError(
      `Expected a checkpoint (metadata format "${layouts[0]}"); got "${format}". Does the file contain weights only?`,
    );
  }
  if (metadata.crc32 !== checksum(number, text, all)) {
    throw new DataError("The checkpoint's checksum does not match its content: the file is damaged.");
  }
  const columns: Record<string, number[]> = {};
  const tensors: Record<string, NdArray> = {};
  for (const [name, a] of Object.entries(all)) {
    if (name.startsWith(prefixes.history)) {
      columns[name.slice(prefixes.history.length)] = Array.from(a.data, Number);
    } else if (!name.startsWith(prefixes.plain)) tensors[name] = a;
  }
  const step = Number(number);
  const packed = unpackData({ text, arrays: all });
  const { state, history, settings } =
    layout === layouts[0] ? (packed as Plain) : earlier[layout](packed as never, step, columns);
  if ("tasks" in history !== hasTasks) {
    const [wanted, found] = hasTasks ? ["several tasks", "one task"] : ["one task", "several tasks"];
    throw new DataError(`Expected a checkpoint of ${wanted}; got one of ${found}.`);
  }
  for (const [path, list] of Object.entries(columns)) putColumn(history, path, list);
  const missing = hasTasks ? "losses.0" : "loss";
  if (Number(number) > 0 && !(missing in columns)) {
    throw new DataError(`The checkpoint is of step ${number} and lacks the list "${missing}".`);
  }
  const steps = columns.seconds?.length ?? 0;
  // A run may record it only since it was resumed.
  const { gradNormSq: _, ...lists } = columns;
  const other = Object.entries(lists).find(([, list]) => list.length !== steps);
  if (!Number.isSafeInteger(step) || step < 0 || steps !== step || other) {
    throw new DataError(
      `A checkpoint has a step >= 0 and a history of as many steps; got step ${number}, ${steps} times` +
        `${other ? ` and ${other[1].length} of "${other[0]}"` : ""}.`,
    );
  }
  return { tensors, rest: state, settings, history };
}

/** Puts a list of numbers into a history at its path, `losses.0`. Names of a file reach lists of the history alone. */
function putColumn(history: object, path: string, list: number[]): void {
  const keys = path.split(".");
  const last = keys.pop() as string;
  const own = (part: unknown, key: string): unknown =>
    typeof part === "object" && part !== null && Object.hasOwn(part, key) ? part[key as never] : undefined;
  const holder = keys.reduce<unknown>(own, history);
  const isPlace = Array.isArray(holder) ? /^\d{1,6}$/.test(last) : Array.isArray(own(holder, last));
  if (!isPlace) throw new DataError(`The checkpoint has the list "${path}", which no history has.`);
  (holder as Record<string, unknown>)[last] = list;
}

/** The plain data of earlier layouts in today's form; `columns` gets today's paths. */
const earlier = {
  /** One task. */
  "isoloss-checkpoint-3"(
    {
      schedule,
      best,
      seen,
      settings,
      teleports,
      epochs = [],
    }: Rest & Pick<History, "teleports"> & Partial<Pick<History, "epochs">> & Pick<Plain, "settings">,
    step: number,
  ): Plain {
    const state = { step, ...withoutUndefined({ schedule, best, seen }) };
    return { state, settings, history: { loss: [], seconds: [], gradNormSq: [], teleports, epochs } };
  },
  /** Several tasks. */
  "isoloss-multi-task-2"(
    { state, history, settings }: Plain,
    _step: number,
    columns: Record<string, number[]>,
  ): Plain {
    const conflicts: Record<string, number[]> = { dominated: [], weak: [], many: [], released: [] };
    for (const kind of Object.keys(conflicts)) {
      if (!(kind in columns)) continue;
      columns[`conflicts.${kind}`] = columns[kind];
      delete columns[kind];
    }
    const perTask = { losses: [], weights: [], norms: [], meanCosines: [], cosines: [] };
    const empty = { ...perTask, conflicts, directionNorms: [], seconds: [], epochs: [] };
    return { state, settings, history: { ...empty, ...history } };
  },
};

/** CRC-32 over step and text, the names and types of the arrays, and their elements. */
function checksum(step: string, text: string, tensors: Readonly<Record<string, NdArray>>): string {
  const header = Object.entries(tensors).map(([name, a]) => [name, dtypeOf(a), a.shape]);
  const start = crc32(new TextEncoder().encode(JSON.stringify([step, header, text])));
  const crc = Object.values(tensors).reduce(
    (sum, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum),
    start,
  );
  return crc.toString(16).padStart(8, "0");
}

/** A trainer, of one task or of several, that can resume from a checkpoint. */
export interface Resumable<T, H> extends CheckpointSource<T, H> {
  restore(state: T, history?: H): void;
}

/**
 * Lets a trainer, of one task or of several, continue from a checkpoint. Created with the options of the run
 * that wrote it, it continues with the same numbers, bit for bit. List settings that are changed on purpose,
 * such as a learning rate for fine-tuning, in `allowChanges`.
 *
 * Model, loss and the optimizer's options are compared as a checksum of the step's graph. Functions of the host, such as
 * the search of a teleport or a method's options, are not compared.
 *
 * @throws DataError when the arrays do not fit the trainer's model and optimizer, or the run had other
 *   settings that may not change; OptionError for an unknown setting in `allowChanges`
 *
 * @example
 * resume(trainer, decodeCheckpoint(bytes));
 * resume(trainer, decodeCheckpoint(bytes), { allowChanges: ["learningRate"] });
 */
export function resume<T extends StateTrees, R, H>(
  trainer: Resumable<T, H>,
  checkpoint: StoredRun<R, H>,
  options: ResumeOptions = {},
): void {
  trainer.restore(resumedState(trainer, checkpoint, options), checkpoint.history);
}

/**
 * Restores a run's state from a checkpoint.
 *
 * @param run the run to continue, with arrays of the same paths and types and the same settings
 * @throws DataError when the checkpoint belongs to another run
 */
export function resumedState<T extends StateTrees, R>(
  { current, settings }: { readonly current: T; readonly settings: RunSettings },
  checkpoint: Pick<StoredRun<R, unknown>, "tensors" | "rest" | "settings">,
  options: ResumeOptions = {},
): T {
  const { params, state, optimizer } = current;
  const trees = { params, state, optimizer };
  try {
    checkArrays(checkpoint.tensors, namedArrays(trees), "The checkpoint");
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    throw new DataError(otherOptimizer(settings, checkpoint.settings) + cause.message, { cause });
  }
  requireSameSettings(settings, checkpoint.settings, options);
  const stored = unflattenNamed<StateTrees>(flatten<NdArray>(trees, isNdArray), checkpoint.tensors);
  const isChanged = (name: string) => settings[name] !== checkpoint.settings[name];
  return withoutUndefined({
    ...current,
    // What the checkpoint does not have is not what this run has had so far.
    best: undefined,
    memory: undefined,
    seen: undefined,
    ...checkpoint.rest,
    ...stored,
    // Other data on purpose are not those that were seen, and another method begins with its own state.
    ...(["data", "seed", "batchSize"].some(isChanged) ? { seen: undefined } : {}),
    ...(isChanged("method") ? { method: (current as { readonly method?: unknown }).method } : {}),
  });
}

/** Names the optimizers if they differ, the usual reason why arrays of a checkpoint do not fit. */
function otherOptimizer(here: RunSettings, stored: RunSettings): string {
  if (here.optimizer === stored.optimizer) return "";
  return `The checkpoint is of the optimizer ${stored.optimizer}, this run uses ${here.optimizer}: create the run with the same optimizer. `;
}

/** Plain data with its typed arrays extracted: text, and the arrays by name. */
export interface PackedData {
  readonly text: string;
  readonly arrays: Readonly<Record<string, NdArray>>;
}

const isTyped = (value: unknown): value is TypedArray =>
  value instanceof Float64Array ||
  value instanceof Float32Array ||
  value instanceof BigInt64Array ||
  value instanceof Uint8Array;

/** Values that JSON cannot represent. */
const names: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [Number.NaN, "NaN"],
  [Infinity, "Infinity"],
  [-Infinity, "-Infinity"],
  [undefined, "undefined"],
]);
const values = new Map([...names].map(([value, name]) => [name, value]));

/**
 * Packs numbers, strings, lists, plain objects and typed arrays, without loss of a bit.
 *
 * @param prefix prefix of the arrays' names
 * @throws DataError for anything else, such as a function
 *
 * @example
 * packData({ step: 3, v: Float64Array.of(1, 2) }, "method"); // text {"step":3,"v":{"$array":"method.0"}}
 */
export function packData(data: unknown, prefix: string): PackedData {
  const arrays: Record<string, NdArray> = {};
  const visit = (value: unknown): unknown => {
    if (names.has(value)) return { $value: names.get(value) };
    if (Object.is(value, -0)) return { $value: "-0" };
    if (value === null || ["number", "string", "boolean"].includes(typeof value)) return value;
    if (isTyped(value) || isNdArray(value)) {
      const name = `${prefix}.${Object.keys(arrays).length}`;
      arrays[name] = isTyped(value) ? { shape: [value.length], data: value } : value;
      return isTyped(value) ? { $array: name } : { $ndarray: name };
    }
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
      return mapValues(value as Record<string, unknown>, visit);
    }
    throw new DataError(
      `Plain data are numbers, strings, lists, plain objects and typed arrays; found ${typeof value === "object" ? value.constructor.name : typeof value}.`,
    );
  };
  return { text: JSON.stringify(visit(data)), arrays };
}

/** The data that {@link packData} packed. */
export function unpackData({ text, arrays }: PackedData): unknown {
  const arrayOf = (name: string): NdArray => {
    const found = arrays[name];
    if (found) return found;
    throw new DataError(`The array "${name}" of packed data is missing.`);
  };
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    const { $value, $array, $ndarray } = value as Record<string, string | undefined>;
    if ($value !== undefined) return $value === "-0" ? -0 : values.get($value);
    if ($array !== undefined) return arrayOf($array).data;
    if ($ndarray !== undefined) return arrayOf($ndarray);
    return mapValues(value as Record<string, unknown>, visit);
  };
  return visit(JSON.parse(text));
}
