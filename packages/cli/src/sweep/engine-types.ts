import type { TestPart } from "../experiments/catalogue/datasets.js";
import type { TestFold } from "../experiments/catalogue/run-data.js";
import type {
  CloseEntry,
  ConfirmEntry,
  Contender,
  EndEntry,
  Entry,
  RecordEntry,
  SearchEnd,
  VerdictEntry,
} from "./journal.js";
import type { RungReport, RunRecord } from "./lanes.js";
import type { SweepFile } from "./schema.js";
import type { AskEntry, Assignment, Sampler, Trial, Verdict } from "./types.js";

/** A run as the engine knows it. */
export interface RunState {
  readonly id: string;
  readonly seed: number;
  /** Name of its directory: of the first trial that has it. */
  readonly place: string;
  readonly parameters: Assignment;
  readonly isConfirming: boolean;
  /** On a fresh seed: which part of the test data judges it. */
  readonly fold?: TestFold | undefined;
  readonly verdicts: Map<number, VerdictEntry>;
  record?: RecordEntry & { readonly at: number };
  /** Whether lanes have it. */
  isSubmitted: boolean;
}

/** A trial and its runs. */
export interface TrialState extends Omit<Trial, "status" | "value" | "rung"> {
  readonly runs: readonly RunState[];
  status: Trial["status"];
  value?: number | undefined;
  rung?: number | undefined;
}

/** The state of a sweep. */
export interface SweepState {
  /** How many trials there will be, unless the search ends before. */
  readonly size: number;
  readonly trials: readonly TrialState[];
  readonly runs: ReadonlyMap<string, RunState>;
  /** Rows of the fresh seeds, see {@link ConfirmEntry}. */
  readonly rows?: TestPart | undefined;
  readonly contenders?:
    | readonly (Omit<Contender, "runs"> & { readonly runs: readonly RunState[] })[]
    | undefined;
  /** Why the search is over. */
  readonly why?: SearchEnd | undefined;
  readonly hasEnded: boolean;
  /** Up to the last entry. */
  readonly seconds: number;
}

/** What is to be done next. Entries go to the journal, and to `apply`, before anything else. */
export type Wanted =
  | { readonly what: "asks"; readonly entries: readonly AskEntry[] }
  /** With `isHard`, runs under way end, too. */
  | { readonly what: "close"; readonly entry: CloseEntry; readonly isHard: boolean }
  /** Runs that do not begin any more: their records are those of {@link Engine.cancelled}. */
  | { readonly what: "cancel"; readonly runs: readonly RunState[] }
  | { readonly what: "confirm"; readonly entry: ConfirmEntry }
  | { readonly what: "end"; readonly entry: EndEntry }
  /** Perhaps none: records are awaited. */
  | { readonly what: "runs"; readonly runs: readonly RunState[] };

export interface EngineOptions {
  readonly file: SweepFile;
  readonly sampler: Sampler;
  /** Id of the run of an assignment with a seed. */
  idOf(parameters: Assignment, seed: number, fold?: TestFold): string;
  /** Rows of the fresh seeds; left out: all have the same. */
  readonly rows?: TestPart | undefined;
}

export interface Engine {
  readonly state: SweepState;
  /** Takes an entry of the journal. */
  apply(entry: Entry): void;
  /**
   * @param width runs that can be under way at the same time
   * @param seconds that the sweep has run
   */
  wanted(width: number, seconds: number): Wanted;
  /** The verdict on a run, and its entry where it is new. */
  judge(report: RungReport): { readonly verdict: Verdict; readonly entry?: VerdictEntry };
  /** The entries of a record that came: none where it is not the first of its run, or of no run of this sweep. */
  recorded(record: RunRecord): (RecordEntry | VerdictEntry)[];
  /** Records of the runs that will not be computed any more, which are cancelled. */
  cancelled(runs: readonly RunState[]): RecordEntry[];
}
