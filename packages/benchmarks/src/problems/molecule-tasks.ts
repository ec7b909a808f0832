// R. Ramakrishnan et al., "Quantum chemistry structures and properties of 134 kilo molecules", Scientific Data 1, 2014 (QM9), as
// A. Navon et al., ICML 2022, use it: eleven tasks by a message passing network.

import { OptionError, type Stateless } from "isoloss";
import { integerFrom, listOf, type OptionsOf, optionTable, positive, text } from "isoloss/internal";
import { mae } from "isoloss/metrics";
import { type LinearParams, linear, type MultiHeadParams, mseLoss } from "isoloss/nn";
import { reshape } from "isoloss/ops";
import { type MessagePassingParams, messagePassing } from "../networks/message-passing.js";
import { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./benchmark-tasks.js";

export interface MoleculeTasksOptions extends OptionsOf<typeof moleculeTasksOptions> {}

const moleculeTasksOptions = optionTable("moleculeTasks", {
  /** Names of the tasks, which are those of their targets in batches. */
  tasks: listOf(text("the name of a task"), { least: 1 }).required(),
  /** What a target of 1 is in the unit of the metric, for each task; default 1 for all. */
  units: listOf(positive).otherwise("1 for all"),
  /** Numbers of an atom inside; default 64. */
  width: integerFrom(1).default(64),
  /** Hidden units of the network that makes messages of a pair of atoms; default 128. */
  hidden: integerFrom(1).default(128),
});

/** A number of a molecule. */
const property = (name: string, unit: number): BenchmarkTask => ({
  loss: (output, { [name]: target }) => mseLoss(reshape(output, target.shape), target),
  output: (output, { [name]: target }) => ({ output: reshape(output, target.shape), labels: target }),
  measures: { mae: mae({ scale: unit }) },
});

/**
 * Numbers of molecules by a message passing network: the tasks of QM9.
 *
 * Batches: those of `moleculeBatch`, and standardized targets [n] under the name of each task. Losses are mean squared errors of
 * them; measures `NAME.mae` in the tasks' units.
 *
 * @throws OptionError
 *
 * @example
 * moleculeTasks({ tasks: ["mu", "alpha"], units: [1.5, 8.2] }).tasks; // mu, alpha
 */
export function moleculeTasks(
  options: MoleculeTasksOptions,
): BenchmarkTasks<MultiHeadParams<MessagePassingParams, LinearParams>, Stateless> {
  const { tasks: names, units, width, hidden } = moleculeTasksOptions.read(options);
  if (units && units.length !== names.length) {
    throw new OptionError(
      `moleculeTasks: units must be one number for each of the ${names.length} tasks; got ${units.length}.`,
    );
  }
  return benchmarkTasks("molecules", {
    tasks: Object.fromEntries(names.map((name, k) => [name, property(name, units?.[k] ?? 1)])),
    make(tasks) {
      const model = messagePassing({ tasks, width, hidden });
      return {
        init: (rng, given) => ({ params: model.init(rng, given), state: {} }),
        trunk: (shared, { atoms, pairs, mask }) => ({
          output: [model.trunk(shared, { atoms, pairs, mask })],
          state: {},
        }),
        readOut: (heads, [z]) =>
          Object.fromEntries(
            tasks.map((task) => [task, linear(z, heads[task] as Parameters<typeof linear>[1])]),
          ),
      };
    },
  });
}
