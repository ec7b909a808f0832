import type { MultiTaskTrainer } from "isoloss";
import { stepRecord } from "isoloss/node";
import type { RunDirectory } from "../../../run/directory.js";
import type { Tree } from "../../catalogue/problems.js";
import type { CostEvent } from "./cost-clock.js";
import { costRecord } from "./cost-record.js";

export interface MultiTaskWriter {
  /** Writes what is new; points of a plane beside the steps that they were at. */
  append(points: readonly (readonly number[])[]): void;
  /** The recorded steps: mean losses, squared norms of the directions, seconds. */
  columns(): { loss: number[]; gradNormSq: number[]; seconds: number[] };
}

/** Writes the records of a trainer of several tasks into the run's directory. */
export function multiTaskWriter(
  trainer: MultiTaskTrainer<Tree>,
  { recordEvery, directory }: { readonly recordEvery: number; readonly directory: RunDirectory | undefined },
): MultiTaskWriter {
  let written = trainer.current.step;
  let events = trainer.history.events.length;

  const recordsFrom = (first: number): number[] => {
    const steps: number[] = [];
    const start = Math.ceil(first / recordEvery) * recordEvery;
    for (let step = start; step < trainer.current.step; step += recordEvery) steps.push(step);
    return steps;
  };
  return {
    append(points) {
      const { history } = trainer;
      const fresh = recordsFrom(written).map((step) => ({
        ...stepRecord(history, step),
        ...(points[step / recordEvery] ? { params: [...points[step / recordEvery]] } : {}),
      }));
      directory?.appendMetrics(fresh);
      directory?.appendTeleports(
        history.events.slice(events).map(({ event }) => costRecord(event as CostEvent, history.tasks)),
      );
      written = trainer.current.step;
      events = history.events.length;
    },
    columns() {
      const steps = recordsFrom(0);
      const records = steps.map((step) => stepRecord(trainer.history, step));
      const column = (name: string) => records.map((record) => record[name] as number);
      return { loss: column("loss"), gradNormSq: column("gradNormSq"), seconds: column("seconds") };
    },
  };
}
