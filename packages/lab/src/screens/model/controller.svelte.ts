// State of the model screen. What the worker found is kept as it came: plain objects that are replaced, never changed.
import { takeGiven } from "../../app/open-in-model.js";
import { save } from "../../app/save.js";
import { ScreenModel } from "../../app/screen-model.svelte.js";
import { tab } from "../../app/tab.js";
import { type AskOptions, CallError, Superseded, WorkerEnded, type WorkerLike } from "../../worker/client.js";
import type { Folded } from "./fold.js";
import type { Halved } from "./half.js";
import type { GraphLayout } from "./layout.js";
import type { ModelGraph } from "./model-graph.js";
import type { Quantized } from "./quantize.js";
import type { Change, Check, FiguresOfPoint, Found, OrtComparison, Position, Summary } from "./session.js";
import type { Sizes } from "./sizes.js";
import { type ModelState, readModel, type SampleName, samples } from "./state.js";
import type { WeightLook } from "./weight-looks.js";
import { bytesText, countText, driftText } from "./words.js";
import type { Drawn, Opened } from "./worker.js";

/** Parameters whose figures are computed after every move. */
const mostWeighed = 1e6;

/** Tensors of a node that are looked at. */
const mostLooks = 8;

/** Megabytes of a file that is read. */
const mostMegabytes = 64;

/** Everything about one model: replaced as a whole when another is opened. */
interface Shown {
  readonly summary: Summary;
  readonly graph: ModelGraph;
}

/** What is asked before moves are lost that were not saved. */
interface Question {
  readonly text: string;
  readonly proceed: () => void;
  readonly cancel: () => void;
}

export class Model extends ScreenModel<ModelState> {
  /** Counts what was done. */
  turns = $state(0);
  /** The file that was opened; undefined for a sample. */
  file = $state<string>();
  /** What was done to the file that was chosen, before it was opened. */
  note = $state("");
  shown = $state.raw<Shown>();
  layout = $state.raw<GraphLayout>();
  /** Why there is no drawing. */
  undrawn = $state("");
  found = $state.raw<Found>();
  position = $state.raw<Position>();
  /** Where a slider is, until the worker has come there. */
  wanted = $state.raw<{ readonly group: number; readonly t: number }>();
  check = $state.raw<Check>();
  /** Of which weights the check is: of others, it is outdated. */
  #checked = $state("");
  /** Of which weights the last saved file is. */
  #saved = $state("");
  question = $state.raw<Question>();
  /** The same in ONNX Runtime, once it was asked for. */
  ort = $state.raw<OrtComparison>();
  /** Files and number of the user's own inputs, which the check runs, too. */
  inputs = $state.raw<{ readonly files: readonly File[]; readonly examples: number }>();
  /** The tensors of the node whose panel is open. */
  looks = $state.raw<readonly WeightLook[]>([]);
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
  /** Counts random moves and checks: each has inputs and numbers of its own. */
  #draws = 0;
  #isSliding = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  /** Counts the models that were opened and their moves: what was said of others is outdated. */
  #weights = $state(0);
  /** Counts the files that were chosen. */
  #choices = 0;
  /** The model that is shown: it is opened again for other sizes. */
  #opened: Opened = { source: "mlp", name: undefined, sample: "mlp" };
  /** The sizes that were asked for last: the model may not be traced with them yet. */
  #sizes: Sizes = {};
  /** Ends when what the tab has kept is there. */
  #reopening: Promise<void> = Promise.resolve();

  constructor(query: string, createWorker: () => WorkerLike) {
    super(query, readModel, createWorker);
  }

  protected get subject(): string {
    return String(this.#weights);
  }

  /** The group whose weights are lit on the graph; not derived, as that would end with the component that made this. */
  get lit(): number | undefined {
    return this.pointed ?? this.pinned;
  }

  /** Whether the check is of the weights as they are now. */
  get isChecked(): boolean {
    return this.check !== undefined && this.#checked === this.subject;
  }

  /** The largest difference from the file's outputs that the check found; NaN where one is not finite. */
  get largest(): number {
    const { outputs = [], tenfold = [], own = [] } = this.check ?? {};
    return Math.max(0, ...[...outputs, ...tenfold, ...own].map(({ relative }) => relative));
  }

  get isKept(): boolean {
    return this.check !== undefined && this.largest <= this.check.weights.tolerance;
  }

  /** The model in words, with its moves. */
  get #title(): string {
    const { source, name = typeof source === "string" ? samples[source] : "" } = this.#opened;
    const moved = this.position?.moved.length ?? 0;
    return moved === 0 ? name : `${name}, ${countText(moved, "tensor")} moved`;
  }

  /** What names of saved files begin with. */
  get #stem(): string {
    return (this.file ?? this.state.sample).replace(/\.onnx$/i, "");
  }

  /** Does what replaces the model, after asking where moves would be lost that were not saved. */
  #replace(proceed: () => void, cancel: () => void = () => {}): void {
    // What was asked before is answered: nothing of it is opened.
    this.question?.cancel();
    const moved = this.position?.moved.length ?? 0;
    if (moved === 0 || this.#saved === this.subject) {
      proceed();
      return;
    }
    const close = (act: () => void) => () => {
      this.question = undefined;
      act();
    };
    const text = `${this.#title}: its moves are not saved, and are lost when another model is opened.`;
    this.question = { text, proceed: close(proceed), cancel: close(cancel) };
  }

  override stop(): void {
    // What is under way says nothing when it ends.
    this.#turn++;
    clearTimeout(this.#timer);
    super.stop();
    this.turns++;
  }

  /** An address holds no file: what replaces one asks first. */
  override follow(query: string): void {
    // The settings are again those of the model that is shown.
    this.question?.cancel();
    const before = this.state;
    this.read(query);
    const { sample, dir } = this.state;
    if (sample !== before.sample || this.file !== undefined) {
      this.#replace(
        () => this.openSample(),
        // The address says again what is shown.
        () => (this.state = { ...before }),
      );
    } else if (dir !== before.dir) void this.#draw();
  }

  set(change: Partial<ModelState>): void {
    const { dir } = this.state;
    this.state = { ...this.state, ...change };
    this.notices = [];
    if (this.state.dir !== dir && this.shown) void this.#draw();
  }

  /** The sample that the settings name. */
  openSample(): void {
    const { sample } = this.state;
    void this.#open({ source: sample, name: undefined, sample }, {});
  }

  /** Another sample. */
  choose(sample: SampleName, isChosen: () => void): void {
    this.#replace(() => {
      this.set({ sample });
      isChosen();
      this.openSample();
    });
  }

  /** What the tab has kept at this address, with its moves; else the sample. */
  reload(): void {
    const { sample } = this.state;
    this.#reopening = this.#open({ source: sample, name: undefined, sample }, {}, "reopen");
  }

  /** Another screen may have given a file: it is opened after what was here, whose moves may not be saved. */
  override enter(query: string, print: (state: ModelState) => string): void {
    const file = takeGiven();
    super.enter(file === undefined ? query : print(this.state), print);
    if (file !== undefined) void this.#reopening.then(() => this.openFile(file));
  }

  /** Who leaves answers no question: what it would do belongs to the screen that asked. */
  override leave(): void {
    this.question?.cancel();
    super.leave();
  }

  async openFile(file: File): Promise<void> {
    const [turn, choice] = [this.#turn, ++this.#choices];
    const read = await readFile(file);
    // What was chosen while the file was read is newer.
    if (turn !== this.#turn || choice !== this.#choices) return;
    if ("refused" in read) this.#refuse(read.refused);
    else {
      this.#replace(
        () => void this.#open({ source: read.bytes, name: file.name, sample: this.state.sample }, {}),
      );
    }
  }

  /** Says why a file was not opened, and which model the screen is still about. */
  #refuse(why: string): void {
    const { source, name = typeof source === "string" ? samples[source] : "" } = this.#opened;
    this.problem = this.shown ? `${why} The screen still shows ${name}.` : why;
    this.#done("Done, but the file was not opened.");
  }

  /** Opens the file without its batch norms, as far as they can be folded into layers. */
  fold = (): Promise<void> =>
    this.#during("Folding batch norms…", async () => {
      const turn = this.#turn;
      const { bytes, count, left } = await this.#ask<Folded>("fold");
      if (turn !== this.#turn) return;
      const many = countText(count + left.length, "batch norm");
      if (count === 0) {
        this.#done(`Done: none of ${many} can be folded (${left[0]}).`);
        return;
      }
      const note = `${count} of ${many} folded into the layers before them. Outputs are compared with those of the folded file.${left.length > 0 ? ` Not folded: ${left.join("; ")}.` : ""}`;
      this.#done("Done: folded.");
      this.#replace(() => {
        const name = `${this.#stem}-folded.onnx`;
        void this.#open({ source: bytes, name, sample: this.state.sample, note }, {});
      });
    });

  /** Traces the model again with another size of an open axis. */
  resize(sizes: Sizes): void {
    void this.#open(this.#opened, { ...this.shown?.summary.sizes, ...this.#sizes, ...sizes }, "resize");
  }

  async #open(given: Opened, sizes: Sizes, how: "open" | "reopen" | "resize" = "open"): Promise<void> {
    let opened = given;
    const turn = ++this.#turn;
    const isCurrent = () => turn === this.#turn;
    this.#sizes = sizes;
    this.doing = "Reading the model…";
    this.problem = "";
    try {
      const kept =
        how === "reopen"
          ? await this.#ask<{ shown: Shown; opened: Opened } | undefined>("reopen", { sample: given.sample })
          : undefined;
      if (!isCurrent()) return;
      const shown =
        kept?.shown ?? (await this.#ask<Shown>("open", { ...given, sizes, keepsMoves: how === "resize" }));
      if (!isCurrent()) return;
      this.#forget();
      opened = kept?.opened ?? given;
      this.#opened = opened;
      this.#weights++;
      this.file = opened.name;
      this.note = opened.note ?? "";
      this.shown = shown;
      await this.#draw();
      if (!isCurrent()) return;
      this.problem = shown.summary.problem ?? "";
      if (shown.summary.problem !== undefined) {
        this.#done("Done: the graph is shown. Symmetries need a model that can be read.");
        return;
      }
      this.doing = "Looking for symmetries…";
      const { found, position } = await this.#ask<{ found: Found; position: Position }>("find");
      if (!isCurrent()) return;
      this.found = found;
      this.position = position;
      this.doing = "Comparing the outputs with those of the file…";
      await this.#check();
    } catch (error) {
      if (!isCurrent()) return;
      const isRefused = error instanceof CallError && opened !== this.#opened && opened.name !== undefined;
      if (isRefused) this.#refuse(`${opened.name} is not opened: ${error.message}`);
      else this.failed(error as Error);
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
    this.inputs = undefined;
    this.looks = [];
    this.figures = undefined;
    this.quantized = undefined;
    this.halved = undefined;
    this.selected = undefined;
    this.pointed = undefined;
    this.pinned = undefined;
    this.#isSliding = false;
  }

  #draw(): Promise<void> {
    return this.#during("Laying the graph out…", async () => {
      const drawn = await this.#ask<Drawn>("draw", { direction: this.state.dir });
      this.layout = "layout" in drawn ? drawn.layout : undefined;
      this.undrawn = "missing" in drawn ? drawn.missing : "";
      this.doing = "";
    });
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

  undo = (): Promise<void> => this.#change("undo", {}, "undo");
  reset = (): Promise<void> => this.#change("reset", {}, "reset");

  #ask<V>(call: string, args: object = {}, options?: AskOptions): Promise<V> {
    return this.client.ask<V>(call, { ...args, tab }, options);
  }

  #args(change: Change, isContinued: boolean) {
    return { change, seed: this.state.seed, isBroken: this.isBroken, isContinued };
  }

  async #change(call: string, args: object, key: string): Promise<void> {
    if (this.found === undefined) return;
    // What is quick is not announced.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.doing = "Moving and comparing…"), 400);
    try {
      const position = await this.#ask<Position>(call, args, { key });
      this.position = position;
      this.#weights++;
      this.isWeighed = false;
      this.ort = undefined;
      const { wanted } = this;
      if (key !== "slide" || (wanted && position.slides[wanted.group] === wanted.t)) this.wanted = undefined;
      this.quantized = undefined;
      this.halved = undefined;
      await this.#check();
    } catch (error) {
      this.failed(error as Error);
    }
  }

  /** Compares the outputs on inputs that were not used before. */
  async #check(): Promise<void> {
    const [turn, of] = [this.#turn, this.subject];
    const { files = [] } = this.inputs ?? {};
    const seed = this.state.seed + 2 * this.#draws++;
    const check = await this.#ask<Check>("check", { seed, files }, this.#tells("Comparing in ONNX Runtime"));
    if (turn !== this.#turn) return;
    this.check = check;
    this.#checked = of;
    // Of a newer move there will be another one.
    if (of !== this.subject) return;
    this.#done(
      `Done: outputs ${this.isKept ? "kept" : "NOT kept"}, largest difference ${driftText(this.largest)} (${this.#title}).`,
    );
    if ((this.shown?.summary.parameters?.numbers ?? 0) <= mostWeighed) await this.weigh();
  }

  /** Figures of the weights: of large models they take long, and are computed when they are asked for. */
  weigh = (): Promise<void> => {
    const doing = "Computing the figures of the weights…";
    return this.#during(doing, async () => {
      const of = this.subject;
      this.figures = await this.#ask<FiguresOfPoint>("figures");
      this.isWeighed = of === this.subject;
      // What was begun since goes on.
      if (this.doing === doing) this.doing = "";
    });
  };

  /** Runs the file and the moved one in ONNX Runtime. */
  compareInOrt = (): Promise<void> =>
    this.#during("Loading ONNX Runtime and running both files…", async () => {
      const seed = this.state.seed + 2 * this.#draws++;
      this.ort = await this.#ask<OrtComparison>("ort", { seed }, this.#tells("Comparing in ONNX Runtime"));
      const most = Math.max(0, ...this.ort.outputs.map(({ relative }) => relative));
      this.#done(`Done: in ONNX Runtime the largest difference is ${driftText(most)}.`);
    });

  /** Says which part of something that takes long is under way. */
  #tells(what: string): AskOptions {
    return {
      onPart: (part: string) => {
        if (this.isBusy) this.doing = `${what}: ${part}…`;
      },
    };
  }

  /** Does what takes a while, and says why where it fails. */
  async #during(doing: string, act: () => Promise<void>): Promise<void> {
    this.doing = doing;
    try {
      await act();
    } catch (error) {
      this.failed(error as Error);
    }
  }

  /** Takes inputs of the user's own into the check. */
  async takeInputs(files: readonly File[]): Promise<void> {
    const turn = this.#turn;
    this.doing = "Reading your inputs…";
    try {
      const examples = await this.#ask<number>("inputs", { files });
      if (turn !== this.#turn) return;
      this.inputs = { files, examples };
      this.problem = "";
      this.doing = "Comparing the outputs with those of the file…";
      await this.#check();
    } catch (error) {
      if (turn === this.#turn) this.failed(error as Error);
    }
  }

  /** Looks at the tensors of the node whose panel is open. */
  async look(): Promise<void> {
    const { weights = [] } = this.shown?.graph.nodes[this.selected ?? -1] ?? {};
    const names = weights.flatMap(({ name, isParameter }) => (isParameter ? [name] : []));
    if (names.length === 0) this.looks = [];
    else this.looks = await this.#ask<readonly WeightLook[]>("looks", { names: names.slice(0, mostLooks) });
  }

  quantize(): Promise<void> {
    return this.#during("Quantizing…", async () => {
      this.quantized = await this.#ask("quantize", { seed: this.state.seed }, this.#tells("Quantizing"));
      this.#done("Done: quantized files measured.");
    });
  }

  half(): Promise<void> {
    return this.#during("Converting to float16…", async () => {
      this.halved = await this.#ask<Halved>("half", { seed: this.state.seed });
      this.#done("Done: files of float16 measured.");
    });
  }

  /** Saves the model as it is now, or a file that was made of it. */
  async save(what: "now" | "quantized" | "half", ending: string): Promise<void> {
    try {
      const of = this.subject;
      const file = await (what === "now" ? this.#ask<Blob>("file") : this.#ask<Blob>("made", { kind: what }));
      const name = `${this.#stem}${ending}.onnx`;
      save(name, file, "application/octet-stream");
      if (what === "now") this.#saved = of;
      const isOther = what === "now" && this.isChecked && !this.isKept;
      this.message = `${name} saved, ${bytesText(file.size)}${isOther ? ": it does NOT compute what the file computes" : ""}.`;
    } catch (error) {
      this.failed(error as Error);
    }
  }

  #done(message: string): void {
    clearTimeout(this.#timer);
    this.doing = "";
    this.message = message;
    this.turns++;
  }

  protected override readonly failed = (error: Error): void => {
    if (error instanceof Superseded || error instanceof WorkerEnded || error.name === "Stopped") return;
    const open = this.found ? [] : Object.keys(this.shown?.summary.sizes ?? {});
    const hint = open.length > 0 ? ` The file leaves ${open.join(" and ")} open: other sizes may do.` : "";
    this.problem = `${error.message}${hint}`;
    this.#done("Done, but for what is said above.");
  };
}

/** The bytes of a file that was dropped or chosen, or why it is not read. */
async function readFile(file: File): Promise<{ readonly bytes: Uint8Array } | { readonly refused: string }> {
  if (file.size > mostMegabytes * 1e6) {
    return {
      refused: `${file.name} has ${bytesText(file.size)}; files of up to ${mostMegabytes} MB are read here. On the command line isoloss model takes any size.`,
    };
  }
  try {
    return { bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch (error) {
    return { refused: `${file.name} cannot be read: ${(error as Error).message}` };
  }
}
