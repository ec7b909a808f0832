import { decodeCheckpoint } from "isoloss";
import type { StoredForm } from "../kind.js";

/** Runs that record a point a step, with checkpoints of a trainer. */
export const trainerForm: StoredForm = {
  stepsOf: (points) => points,
  tensorsOf: (checkpoint) => decodeCheckpoint(checkpoint).tensors,
};
