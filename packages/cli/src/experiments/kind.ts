import type { NdArray } from "isoloss";
import type { TableInputs } from "isoloss/data";
import type { Diagnosis } from "isoloss/teleport";
import type { FigureOptions, TaskTableData } from "isoloss-figures";
import type { z } from "zod";
import type { RunDocument, RunMeasurements, RunStatus } from "../formats/json.js";
import type { RunDirectory } from "../run/directory.js";
import type { JsonRecord } from "../run/json-lines.js";
import type { Judgement } from "../run/report-html.js";

/** Figures that runs are drawn in: of each, and of those that a kind compares. */
export const runFigureNames = [
  "levelSets",
  "loss",
  "gradNormSq",
  "validation",
  "accuracy",
  "paths",
  "front",
  "conflicts",
  "test",
  "gains",
  "minima",
  "sweep",
] as const;

/** Figures that an experiment may ask for: `ratios` is of its comparison at tuned learning rates. */
export const figureNames = [...runFigureNames, "ratios"] as const;

export type FigureName = (typeof figureNames)[number];

export type Settings = Readonly<Record<string, unknown>>;

export interface Variant {
  readonly name: string;
  readonly settings: Settings;
}

export interface JobProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly gradNormSq?: number;
  readonly teleports: number;
  readonly stepsPerSecond: number;
}

/**
 * Where a run pauses and reports a metric: at `from`, and from there on times `factor`, or plus `every`; without either,
 * once. In steps or in epochs.
 */
export interface PausePlan {
  readonly from: number;
  readonly factor?: number | undefined;
  readonly every?: number | undefined;
  /** Left out: up to the end of the run, which is no pause. */
  readonly below?: number | undefined;
  readonly unit: "steps" | "epochs";
  /** One of the kind's `pauseMetrics`. */
  readonly metric: string;
}

export interface PauseReport {
  /** The pause, in the plan's unit. */
  readonly rung: number;
  readonly step: number;
  /** The metric at all pauses up to this one, which is the last. */
  readonly values: readonly number[];
}

/** Inputs of a run beside its settings. */
export interface JobContext {
  readonly seed: number;
  progress(at: JobProgress): void;
  /** Whether the user wants it to end soon. */
  shouldStop(): boolean;
  /** The directory that it writes to; left out: none. */
  readonly directory?: RunDirectory;
  /** The run that it resumes, up to its last checkpoint. */
  readonly before?: {
    readonly checkpoint: Uint8Array;
    readonly metrics: readonly JsonRecord[];
    readonly teleports: readonly JsonRecord[];
  };
  /** Whether it is only compared with others: points that figures draw are not kept. */
  readonly isCompared?: boolean;
  /** Between checkpoints. */
  readonly checkpointSeconds: number;
  /** Between checkpoints, where they are to be at steps. */
  readonly checkpointSteps?: number;
  /** Left out: it does not pause. Its numbers are the same, bit for bit. */
  readonly pauses?: PausePlan;
  /** The answer at a pause: `stop` ends the run there, as `pruned`. */
  report?(at: PauseReport): Promise<"go" | "stop">;
}

/** A teleport of a function of few variables: its start and end points. */
export interface JumpRecord {
  readonly step: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export interface Measured
  extends Pick<RunMeasurements, "steps" | "wallSeconds" | "loss" | "gradNormSq" | "metrics" | "teleports"> {
  readonly status: RunStatus;
  /** Seconds of computing up to each entry of `loss`. */
  readonly seconds: readonly number[];
  /** For functions of few variables: the parameters of each point, and the teleports. */
  readonly trajectory?: readonly (readonly number[])[];
  readonly jumps?: readonly JumpRecord[];
  /** Parameters at the end, where they are few. */
  readonly end?: readonly number[];
  /** Figures on validation data over the run. */
  readonly evaluations?: readonly {
    readonly step: number;
    readonly seconds: number;
    readonly [name: string]: number;
  }[];
}

export type Evaluation = NonNullable<Measured["evaluations"]>[number];

export interface JobResult extends Pick<Measured, "seconds" | "trajectory" | "end" | "evaluations"> {
  readonly experiment: string;
  readonly variant: string;
  readonly seed: number;
  /** Of a run that is timed several times; left out: the first. */
  readonly repeat?: number;
  readonly settings: Settings;
  readonly document: RunDocument;
  readonly jumps: readonly JumpRecord[];
}

/**
 * Roles of variants beside a baseline, which is what a user has now, and its methods: a `control` shows that it is the direction of
 * the move that counts, an `alternative` is another known technique for the same end, a `ceiling` needs what the user lacks.
 */
export const roles = ["control", "alternative", "ceiling"] as const;

export type Role = (typeof roles)[number];

/** By baseline, the variants beside it and their roles. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Role>>>>;

/** The verdict on one measure of a method. */
export interface MeasureVerdict {
  readonly measure: "steps" | "time" | "test loss" | "test accuracy" | "accuracy" | "starts";
  readonly judgment: Judgement;
  /** Its number beside the baseline's: "0.0346 of the steps [0.0212, 0.0565]". */
  readonly text: string;
}

/** The verdict of an experiment on a method: only clear differences decide. */
export interface Finding {
  /** The variant that is judged. */
  readonly title: string;
  readonly judgment: Judgement;
  /** By measure; of training, steps and time each have one. */
  readonly measures: readonly MeasureVerdict[];
  /** How alternatives compare with it, as clauses: "LAMP does as well". */
  readonly alternatives: readonly string[];
  /** What would decide, where that can be told: "about 40 runs of each would decide". */
  readonly needs?: string;
  /** The numbers, in sentences. */
  readonly text: string;
}

/** Comparisons of an experiment's runs beyond the loss. */
export interface RunComparison {
  /** The results with what only shows beside others, such as a rank, among their metrics. */
  compare?(results: readonly JobResult[]): readonly JobResult[];
  tables?(results: readonly JobResult[]): readonly TaskTableData[];
  /** The variants that findings judge others against, with the roles that settings show, such as the controls of COST. */
  baselines?(variants: readonly Variant[]): Roles;
  /** Verdicts on variants at the settings of the file. */
  findings?(results: readonly JobResult[], roles: Roles): readonly Finding[];
  /** Figures by the names that experiments call them. */
  readonly figures?: Readonly<Record<string, DrawComparison>>;
}

export type DrawComparison = (
  results: readonly JobResult[],
  options: () => FigureOptions,
) => Promise<readonly { readonly name: string; readonly element: SVGSVGElement }[]>;

export interface StoredForm {
  /** Steps done, of so many recorded points. */
  stepsOf(points: number): number;
  /** The tensors of a checkpoint by their paths: those of parameters begin with `params.`. */
  tensorsOf(checkpoint: Uint8Array): Tensors;
}

type Tensors = Readonly<Record<string, NdArray>>;

export interface TrainedRun {
  readonly name: string;
  readonly settings: Settings;
  readonly seed: number;
  readonly checkpoint: Uint8Array;
  /** What it stored of its data; undefined of runs of earlier versions, whose data are read again. */
  readonly data: object | undefined;
}

/** Outputs of a trained model for new examples. */
export interface Predictions {
  readonly step: number;
  /** As the model gives them, in the units of the data: [n, ...]. */
  readonly outputs: NdArray;
  /** Of a table: columns with values of text that the training did not know. */
  readonly unknown?: TableInputs["unknown"] | undefined;
  /** A record for each example: classes with their probabilities, or numbers. @throws OptionError for outputs that are no rows */
  records(): JsonRecord[];
}

/** What is diagnosed: a run, or an experiment at its start. */
export interface Subject {
  readonly settings: Settings;
  readonly seed: number;
  readonly run?: JobResult;
  /** Parameters of the run by their paths, and the step that they are of. */
  weights?(): Promise<{ readonly step: number; readonly tensors: Tensors }>;
  readonly checkpoint?: Uint8Array;
  /** Number of points along the run, which is then repeated. */
  readonly points?: number;
}

/** The theory's quantities at a place of a run. */
export interface DiagnosedPoint {
  /** Such as `at the start`. */
  readonly at: string;
  readonly step: number;
  /** Of one loss. */
  readonly diagnosis: Diagnosis;
}

/** The conflicts of a run of several tasks in one step. */
export interface ConflictPoint {
  /** Such as `at the start`. */
  readonly at: string;
  readonly step: number;
  /** Of several tasks. */
  readonly conflict: TaskConflict;
}

/** Angles and norms of the tasks' gradients in a step: null where a number is unknown. */
export interface TaskConflict {
  readonly tasks: readonly string[];
  readonly losses: readonly (number | null)[];
  /** ||g_k||. */
  readonly norms: readonly (number | null)[];
  /** cos(g_0, g_k), g_0 the mean of the gradients. */
  readonly meanCosines: readonly (number | null)[];
  /** The least cos(g_i, g_j); null for more than 10 tasks. */
  readonly leastCosine: number | null;
  /** g_0 conflicts with the smallest gradient. */
  readonly dominated: boolean;
  /** Some pair conflicts. */
  readonly weak: boolean;
  /** g_0 conflicts with at least half of the tasks. */
  readonly many: boolean;
  readonly reading: readonly string[];
}

/** Examples without labels, in files of the formats that the data of a run may have. */
export interface NewExamples {
  /** A file or a folder. */
  readonly path: string;
  /** Whether values of text that the training did not have count as missing; else they are an error. */
  readonly allowUnknown: boolean;
}

/** A kind of experiment: its settings, and how to run it. */
export interface Kind {
  readonly summary: string;
  /** Without defaults: a variant changes only the settings that it names. */
  readonly settings: z.ZodRawShape;
  /** Whether its runs look at `shouldStop` and save checkpoints; others start again when they are resumed. */
  readonly stoppable: boolean;
  /** What its runs can report at pauses; left out: they do not pause. */
  readonly pauseMetrics?: readonly string[];
  run(settings: Settings, context: JobContext): Promise<Measured>;
  readonly comparison?: RunComparison;
  readonly stored: StoredForm;
  /** Figures of its runs; left out: curves of what they recorded. */
  plot?(results: readonly JobResult[]): readonly FigureName[];
  /** The trained model of a run, where it trains one. */
  readonly export?: {
    /** For other programs. @param batch examples of the model's input */
    onnx?(run: TrainedRun, batch: number | undefined): Promise<Uint8Array>;
    predict(run: TrainedRun, examples: NewExamples): Promise<Predictions>;
  };
  /** What theory says along a run, where there is something to look at. */
  diagnose?(subject: Subject): Promise<readonly (DiagnosedPoint | ConflictPoint)[]>;
}
