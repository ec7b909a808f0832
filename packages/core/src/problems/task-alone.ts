import { OptionError } from "../errors.js";

/**
 * One of the tasks of a problem, by its name.
 *
 * @throws OptionError for another name
 */
export function taskAlone<T>(
  problem: string,
  tasks: Readonly<Record<string, T>>,
  task: string,
): Readonly<Record<string, T>> {
  if (Object.hasOwn(tasks, task)) return { [task]: tasks[task] };
  throw new OptionError(`${problem} has no task "${task}"; it has ${Object.keys(tasks).join(", ")}.`);
}
