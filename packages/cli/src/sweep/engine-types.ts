import type { TestPart } from "../experiments/catalogue/datasets.js";
import type { TestFold } from "../experiments/catalogue/run-data.js";
import type { Contender, RecordEntry, SearchEnd, VerdictEntry } from "./journal.js";
import type { SweepFile } from "./schema.js";
import type { Assignment, Sampler, Trial } from "./types.js";

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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface TrialState extends Mutable<Trial> {
  readonly runs: readonly RunState[];
}

export interface EngineOptions {
  readonly file: SweepFile;
  readonly sampler: Sampler;
  /** Id of the run of an assignment with a seed: a hash of all that it computes. */
  idOf(parameters: Assignment, seed: number, fold?: TestFold): string;
  /** Rows of the fresh seeds; left out: all have the same. */
  readonly rows?: TestPart | undefined;
}

/** The state of a sweep: what follows from its journal so far. */
export interface SweepState {
  readonly options: EngineOptions;
  /** How many trials there will be, unless the search ends before. */
  readonly size: number;
  readonly trials: readonly TrialState[];
  readonly runs: ReadonlyMap<string, RunState>;
  /** Rows of the fresh seeds, see `ConfirmEntry` in journal.ts. */
  readonly rows?: TestPart | undefined;
  readonly contenders?:
    | readonly (Omit<Contender, "runs"> & { readonly runs: readonly RunState[] })[]
    | undefined;
  readonly why?: SearchEnd | undefined;
  readonly hasEnded: boolean;
  /** Up to the last entry. */
  readonly seconds: number;
  /** Of trials that have ended, and of those that failed or were lost. */
  readonly finished: number;
  readonly failed: number;
  /** Of the runs that confirm nothing. */
  readonly steps: number;
  readonly isReached: boolean;
  readonly isMetricUnknown: boolean;
}

/** The same as the engine changes it. */
export interface OwnState extends Mutable<SweepState> {
  readonly trials: TrialState[];
  readonly runs: Map<string, RunState>;
  /** Trials by the ids of their runs. */
  readonly usersOf: Map<string, TrialState[]>;
  /** Values of the runs of a seed at a rung. */
  readonly valuesAtRungs: Map<string, number[]>;
  readonly open: Set<TrialState>;
}
