// Settings of trials: those of the experiment with a trial's parameters.
import { Document } from "yaml";
import { explain, type Finding } from "../config/explain.js";
import { nodesAt, schemaNodeOf } from "../config/json-schema.js";
import { setAtPath } from "../config/overrides.js";
import { type Path, pathWords } from "../dotted-path.js";
import { withoutLength } from "../experiments/definition/resolve.js";
import { commonKeys, experimentSchema } from "../experiments/definition/schema.js";
import type { Settings } from "../experiments/kind.js";
import type { Assignment } from "./types.js";

/** An experiment's kind and settings, of one variant. */
export interface Base {
  readonly kind: string;
  readonly settings: Settings;
}

/**
 * The settings of a run with values at paths, as `--set` would set them, checked; or what is wrong with them. Steps take
 * the place of epochs, and epochs that of steps.
 */
export function assigned({ kind, settings }: Base, assignment: Assignment): Settings | Finding[] {
  const document = new Document({ name: "trial", kind, ...withoutLength(settings, assignment) });
  const isShort = (path: Path, text: string) =>
    nodesAt(schemaNodeOf(experimentSchema), path, document.toJS()).some(
      ({ properties }) => properties?.name?.const === text,
    );
  // `optimizer` before `optimizer.momentum`.
  const entries = Object.entries(assignment).sort(([a], [b]) => a.length - b.length);
  for (const [path, value] of entries) {
    const found = setAtPath(document, path, document.createNode(value), isShort);
    if (typeof found === "string") return [{ path: pathWords(path), message: found }];
  }
  const data = document.toJS();
  const result = experimentSchema.safeParse(data);
  if (!result.success) return explain(result.error.issues, schemaNodeOf(experimentSchema), data);
  return Object.fromEntries(Object.entries(result.data).filter(([key]) => !commonKeys.has(key)));
}
