import type { CostConfig } from "../../catalogue/cost.js";
import type { Named } from "../../catalogue/named.js";
import type { TestFold } from "../../catalogue/run-data.js";
import type { ComputeSettings, EpochSettings } from "../training-loop.js";
import type { PlateauConfig } from "./plateau.js";
import type { Protocol } from "./protocol.js";

/** Settings of a run of kind multi-task, checked. */
export interface MultiTaskSettings extends EpochSettings, ComputeSettings {
  readonly problem: Named;
  readonly testFold?: TestFold;
  readonly method: Named;
  readonly cost?: CostConfig;
  readonly alone?: boolean;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly evaluateEvery?: number;
  readonly recordEvery?: number;
  readonly dtype?: "float32" | "float64";
  readonly clipNorm?: number;
  readonly headGradient?: "weighted" | "unweighted";
  readonly strategy?: "auto" | "keep" | "recompute";
  readonly recordGradients?: boolean;
  readonly representation?: boolean;
  readonly protocol?: Protocol;
  readonly plateau?: PlateauConfig;
}
