// State of the model screen. What the worker found is kept as it came: plain objects that are replaced, never changed.
import { save } from "../../export/save.js";
import {
  CallError,
  createClient,
  Superseded,
  type WorkerClient,
  WorkerEnded,
  type WorkerLike,
} from "../../worker/client.js";
import type { Halved } from "./half.js";
import type { GraphLayout } from "./layout.js";
import type { ModelGraph } from "./model-graph.js";
import type { OrtComparison } from "./ort.js";
import type { Quantized } from "./quantize.js";
import { readFile } from "./read-file.js";
import type { Change, Check, FiguresOfPoint, Found, Position, Summary } from "./session.js";
import type { Sizes } from "./sizes.js";
import { type ModelState, readModel, type SampleName, samples } from "./state.js";
import { bytesText, driftText } from "./words.js";
import type { Drawn } from "./worker.js";

/** Parameters whose figures are computed after every move. */
const mostWeighed = 1e6;

/** What is opened: a sample, or the bytes and the name of a file. */
interface Opened {
  readonly source: SampleName | Uint8Array;
  readonly name: string | undefined;
}

/** Everything about one model: replaced as a whole when another is opened. */
interface Shown {
  readonly summary: Summary;
  readonly graph: ModelGraph;
}

export class Model {
  state = $state.raw<ModelState>() as ModelState;
  message = $state("");
  notices = $state.raw<readonly string[]>([]);
  /** Counts what was done. */
  turns = $state(0);
  /** What is being done; empty while nothing is. */
  doing = $state("");
  /** The file that was opened; undefined for a sample. */
  file = $state<string>();
  shown = $state.raw<Shown>();
  layout = $state.raw<GraphLayout>();
  /** Why there is no drawing. */
  undrawn = $state("");
  found = $state.raw<Found>();
  position = $state.raw<Position>();
  /** Where a slider is, until the worker has come there. */
  wanted = $state.raw<{ readonly group: number; readonly t: number }>();
  check = $state.raw<Check>();
  /** The same in ONNX Runtime, once it was asked for. */
  ort = $state.raw<OrtComparison>();
  figures = $state.raw<FiguresOfPoint>();
  /** Whether the figures are those of the weights as they are now. */
  isWeighed = $state(false);
  /** Why the model cannot be read, run or moved: an error's own words. */
  problem = $state("");
  /** Whether moves leave a weight out, to see that the check notices. */
  isBroken = $state(false);
  quantized = $state.raw<Omit<Quantized, "bytes">>();
  halved = $state.raw<Omit<Halved, "bytes">>();
  /** Id of the node whose panel is open. */
  selected = $state<number>();
  /** The groups that are pointed at, and that a click chose. */
  pointed = $state<number>();
  pinned = $state<number>();
  /** The group whose weights are lit on the graph. */
  readonly lit = $derived(this.pointed ?? this.pinned);

  /** Counts random moves and checks: each has inputs and numbers of its own. */
  #draws = 0;
  #isSliding = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  /** Counts the files that were chosen. */
  #choices = 0;
  /** The model that is shown: it is opened again for other sizes, and in a new worker. */
  #opened: Opened = { source: "mlp", name: undefined };
  /** The sizes that were asked for last: the model may not be traced with them yet. */
  #sizes: Sizes = {};
  readonly #client: WorkerClient;

  constructor(query: string, createWorker: () => WorkerLike) {
    this.read(query);
    this.#client = createClient(createWorker, (reason, hasAnswered) => {
      this.doing = "";
      if (!hasAnswered) {
        this.message = `The worker, which computes, does not start in this browser: ${reason}`;
        return;
      }
      this.message = `The computation ended (${reason}) and was started again: the model is that of the file.`;
      void this.#open(this.#opened, {});
    });
  }

  read(query: string): void {
    const { state, notices } = readModel(query);
    this.state = state;
    this.notices = notices;
  }

  /** Takes the settings of an address that was typed, or gone back to: it holds no file. */
  follow(query: string): void {
    const { sample, dir } = this.state;
    this.read(query);
    if (this.state.sample !== sample || this.file !== undefined) this.openSample();
    else if (this.state.dir !== dir) void this.#draw();
  }

  set(change: Partial<ModelState>): void {
    const { dir } = this.state;
    this.state = { ...this.state, ...change };
    this.notices = [];
    if (this.state.dir !== dir && this.shown) void this.#draw();
  }

  /** The sample that the settings name. */
  openSample(): void {
    void this.#open({ source: this.state.sample, name: undefined }, {});
  }

  async openFile(file: File): Promise<void> {
    const [turn, choice] = [this.#turn, ++this.#choices];
    const read = await readFile(file);
    // What was chosen while the file was read is newer.
    if (turn !== this.#turn || choice !== this.#choices) return;
    if ("bytes" in read) {
      await this.#open({ source: read.bytes, name: file.name }, {});
      return;
    }
    this.#refuse(read.refused);
  }

  /** Says why a file was not opened, and which model the screen is still about. */
  #refuse(why: string): void {
    const { source, name = typeof source === "string" ? samples[source] : "" } = this.#opened;
    this.problem = this.shown ? `${why} The screen still shows ${name}.` : why;
    this.#done("Done, but the file was not opened.");
  }

  /** Traces the model again with another size of an open axis; moves are lost. */
  resize(sizes: Sizes): void {
    void this.#open(this.#opened, { ...this.shown?.summary.sizes, ...this.#sizes, ...sizes });
  }

  async #open(opened: Opened, sizes: Sizes): Promise<void> {
    const turn = ++this.#turn;
    const isCurrent = () => turn === this.#turn;
    this.#sizes = sizes;
    this.doing = "Reading the model…";
    this.problem = "";
    try {
      const shown = await this.#client.ask<Shown>("open", { file: opened.source, sizes });
      if (!isCurrent()) return;
      this.#forget();
      this.#opened = opened;
      this.file = opened.name;
      this.shown = shown;
      await this.#draw();
      if (!isCurrent()) return;
      this.problem = shown.summary.problem ?? "";
      if (shown.summary.problem !== undefined) {
        this.#done("Done: the graph is shown. Symmetries need a model that can be read.");
        return;
      }
      this.doing = "Looking for symmetries…";
      const found = await this.#client.ask<Found>("find", undefined);
      if (!isCurrent()) return;
      this.found = found;
      this.doing = "";
      await this.#check();
    } catch (error) {
      if (!isCurrent()) return;
      const isRefused = error instanceof CallError && opened !== this.#opened && opened.name !== undefined;
      if (isRefused) this.#refuse(`${opened.name} is not opened: ${error.message}`);
      else this.#failed(error as Error);
    }
  }

  #forget(): void {
    this.layout = undefined;
    this.undrawn = "";
    this.found = undefined;
    this.position = undefined;
    this.wanted = undefined;
    this.check = undefined;
    this.ort = undefined;
    this.figures = undefined;
    this.quantized = undefined;
    this.halved = undefined;
    this.selected = undefined;
    this.pointed = undefined;
    this.pinned = undefined;
    this.#isSliding = false;
  }

  async #draw(): Promise<void> {
    this.doing = "Laying the graph out…";
    try {
      const drawn = await this.#client.ask<Drawn>("draw", this.state.dir);
      this.layout = "layout" in drawn ? drawn.layout : undefined;
      this.undrawn = "missing" in drawn ? drawn.missing : "";
      this.doing = "";
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** A random element of every group, one after another. */
  randomMove = (): Promise<void> => this.move({ kind: "random", seed: this.state.seed + 1 + this.#draws++ });

  /** A fresh seed of an order or of signs. */
  get seed(): number {
    return this.state.seed + 1 + this.#draws++;
  }

  move(change: Change): Promise<void> {
    this.#isSliding = false;
    return this.#change("move", this.#args(change, false), "move");
  }

  /** Along a group's direction; a slide that goes on is undone as a whole. */
  slide(group: number, t: number): void {
    const change: Change = { kind: "group", group, act: { kind: "slide", t } };
    const args = this.#args(change, this.#isSliding);
    this.#isSliding = true;
    this.wanted = { group, t };
    void this.#change("move", args, "slide");
  }

  endSlide(): void {
    this.#isSliding = false;
  }

  undo = (): Promise<void> => this.#change("undo", undefined, "undo");
  reset = (): Promise<void> => this.#change("reset", undefined, "reset");

  #args(change: Change, isContinued: boolean) {
    return { change, seed: this.state.seed, isBroken: this.isBroken, isContinued };
  }

  async #change(call: string, args: unknown, key: string): Promise<void> {
    if (this.found === undefined) return;
    // What is quick is not announced.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.doing = "Moving and comparing…"), 400);
    try {
      const position = await this.#client.ask<Position>(call, args, { key });
      this.position = position;
      this.isWeighed = false;
      this.ort = undefined;
      const { wanted } = this;
      if (key !== "slide" || (wanted && position.slides[wanted.group] === wanted.t)) this.wanted = undefined;
      this.quantized = undefined;
      this.halved = undefined;
      await this.#check();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** Compares the outputs on inputs that were not used before. */
  async #check(): Promise<void> {
    const check = await this.#client.ask<Check>("check", this.state.seed + 2 * this.#draws++);
    this.check = check;
    const largest = Math.max(0, ...[...check.outputs, ...check.tenfold].map(({ relative }) => relative));
    const isKept = largest <= check.weights.tolerance;
    this.#done(
      isKept
        ? `Done: outputs kept, largest difference ${driftText(largest)}.`
        : `Done: outputs NOT kept, largest difference ${driftText(largest)}.`,
    );
    if ((this.shown?.summary.parameters?.numbers ?? 0) <= mostWeighed) await this.weigh();
  }

  /** Figures of the weights: of large models they take long, and are computed when they are asked for. */
  weigh = async (): Promise<void> => {
    try {
      this.figures = await this.#client.ask<FiguresOfPoint>("figures", undefined);
      this.isWeighed = true;
    } catch (error) {
      this.#failed(error as Error);
    }
  };

  /** Runs the file and the moved one in ONNX Runtime. */
  compareInOrt = async (): Promise<void> => {
    this.doing = "Loading ONNX Runtime and running both files…";
    try {
      this.ort = await this.#client.ask<OrtComparison>("ort", this.state.seed + 2 * this.#draws++);
      const most = Math.max(0, ...this.ort.outputs.map(({ relative }) => relative));
      this.#done(`Done: in ONNX Runtime the largest difference is ${driftText(most)}.`);
    } catch (error) {
      this.#failed(error as Error);
    }
  };

  async quantize(): Promise<void> {
    this.doing = "Quantizing…";
    try {
      this.quantized = await this.#client.ask("quantize", this.state.seed, {
        onPart: (next: string) => {
          this.doing = `Quantizing: ${next}…`;
        },
      });
      this.#done("Done: quantized files measured.");
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  async half(): Promise<void> {
    this.doing = "Converting to float16…";
    try {
      this.halved = await this.#client.ask("half", this.state.seed);
      this.#done("Done: files of float16 measured.");
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** Saves the model as it is now, or a file that was made of it. */
  async save(what: "now" | "quantized" | "half", ending: string): Promise<void> {
    try {
      const bytes = await (what === "now"
        ? this.#client.ask<Uint8Array<ArrayBuffer>>("file", undefined)
        : this.#client.ask<Uint8Array<ArrayBuffer>>("made", what));
      const stem = (this.file ?? this.state.sample).replace(/\.onnx$/i, "");
      const name = `${stem}${ending}.onnx`;
      save(name, bytes, "application/octet-stream");
      this.message = `${name} saved, ${bytesText(bytes.length)}.`;
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#client.dispose();
  }

  #done(message: string): void {
    clearTimeout(this.#timer);
    this.doing = "";
    this.message = message;
    this.turns++;
  }

  readonly #failed = (error: Error): void => {
    if (error instanceof Superseded || error instanceof WorkerEnded) return;
    const open = this.found ? [] : Object.keys(this.shown?.summary.sizes ?? {});
    const hint = open.length > 0 ? ` The file leaves ${open.join(" and ")} open: other sizes may do.` : "";
    this.problem = `${error.message}${hint}`;
    this.#done("Done, but for what is said above.");
  };
}
