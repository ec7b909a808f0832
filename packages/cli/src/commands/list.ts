import { type OptionDescription, OptionError } from "isoloss";
import { nearest } from "../config/nearest.js";
import { changeRegistry } from "../experiments/catalogue/changes/changes.js";
import { costConfigOptions } from "../experiments/catalogue/cost.js";
import { dataRegistry } from "../experiments/catalogue/datasets.js";
import { methodRegistry } from "../experiments/catalogue/methods.js";
import { modelRegistry } from "../experiments/catalogue/models.js";
import { objectiveRegistry } from "../experiments/catalogue/objectives.js";
import {
  lineSearchRegistry,
  optimizerRegistry,
  scheduleRegistry,
} from "../experiments/catalogue/optimizers.js";
import { ownDataRegistry } from "../experiments/catalogue/own/data.js";
import { problemRegistry } from "../experiments/catalogue/problems.js";
import { type ConfigOptions, describeConfigOptions } from "../experiments/catalogue/schema-of.js";
import { searchRegistry } from "../experiments/catalogue/searches.js";
import { shiftRegistry } from "../experiments/catalogue/shifts.js";
import { symmetryRegistry } from "../experiments/catalogue/symmetries.js";
import { multiTaskProblemRegistry } from "../experiments/catalogue/tasks.js";
import { guardConfigOptions } from "../experiments/catalogue/teleport.js";
import { whenRegistry } from "../experiments/catalogue/when.js";
import { experimentNames, titleOf } from "../experiments/definition/find.js";
import { programSummary } from "../experiments/definition/program.js";
import { templates } from "../experiments/definition/templates.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { textList } from "../experiments/results/table.js";
import { json } from "../option-rows.js";
import { colors } from "../terminal.js";
import type { Result } from "./command.js";

const options = {
  json: json(),
};

const help = `What: kinds, problems, models, data, optimizers, rates, when, searches, symmetries, objectives, changes, shifts, tasks,
methods, settings, experiments; default all. These are the names that an experiment's YAML may use. Or one of these
names: its options, with range and default.

The document of --json: for each list, [{name, summary}]; of a name, [{name, section, summary, options}].

Example:
  isoloss list searches
  isoloss list gradientAscent`;

type Summaries = Readonly<Record<string, { readonly summary: string } & Partial<ConfigOptions>>>;

/** The names that configs may use, by key, from the tables by which configs are checked. */
const sections = (): Readonly<Record<string, Summaries>> => ({
  kinds: { ...kinds, module: { summary: programSummary } },
  problems: problemRegistry,
  models: modelRegistry,
  data: { ...dataRegistry, ...ownDataRegistry },
  optimizers: { ...optimizerRegistry, ...lineSearchRegistry },
  rates: scheduleRegistry,
  when: whenRegistry,
  searches: searchRegistry,
  symmetries: symmetryRegistry,
  objectives: objectiveRegistry,
  changes: changeRegistry,
  shifts: shiftRegistry,
  tasks: multiTaskProblemRegistry,
  methods: methodRegistry,
  settings: {
    guard: { summary: "bounds of a teleport, the key `guard` of `teleport`", ...guardConfigOptions },
    cost: { summary: "COST between tasks, the key `cost` of a run of several tasks", ...costConfigOptions },
  },
});

/** `isoloss list`: all names, one line each; or one name and its options. */
async function run(wanted: string | undefined): Promise<Result> {
  const names = [...Object.keys(sections()), "experiments"];
  if (wanted !== undefined && !names.includes(wanted)) return describeName(wanted, names);
  const chosen = wanted === undefined ? names : [wanted];
  const entries = await Promise.all(chosen.map(async (name) => [name, await entriesOf(name)] as const));
  const { bold } = colors();
  return {
    document: Object.fromEntries(
      entries.map(([name, all]) => [name, all.map(([key, summary]) => ({ name: key, summary }))]),
    ),
    text: entries.map(([name, all]) => `${bold(name)}\n${textList(all)}`),
  };
}

export const list = { options, help, run };

async function entriesOf(name: string): Promise<(readonly [string, string])[]> {
  if (name !== "experiments") {
    return Object.entries(sections()[name]).map(([key, { summary }]) => [key, summary] as const);
  }
  return Promise.all(experimentNames().map(async (key) => [key, await titleOf(key)] as const));
}

/** The options of a name, in every list that has it. */
function describeName(wanted: string, names: readonly string[]): Result {
  const found = Object.entries(sections()).flatMap(([section, all]) => {
    const { [wanted]: entry } = all;
    return entry?.options
      ? [{ section, summary: entry.summary, options: describeConfigOptions(entry as ConfigOptions) }]
      : [];
  });
  if (found.length === 0) {
    const message = adviceWithoutOptions(wanted);
    if (message !== undefined) throw new OptionError(message);
    const known = Object.values(sections()).flatMap((all) => Object.keys(all));
    const meant = nearest(wanted, [...names, ...known]);
    throw new OptionError(
      `There is no list of "${wanted}"${meant ? `; did you mean "${meant}"?` : "."} Known: ${names.join(", ")}, and all names in these lists.`,
    );
  }
  const document = found.map(({ section, summary, options }) => ({
    name: wanted,
    /** Where it can be named, such as `methods`. */
    section,
    summary,
    options: options.map((option) => {
      const { name, range, summary } = option;
      const text = defaultText(option);
      return { name, range, ...(text === undefined ? {} : { default: text }), summary };
    }),
  }));
  const { bold } = colors();
  const text = found.map(({ section, summary, options }) => {
    const lines = options.map((option) => [option.name, rangeText(option), option.summary] as const);
    const width = Math.max(0, ...lines.map(([name]) => name.length));
    const entries = lines.map(
      ([name, range, what]) => `  ${name.padEnd(width)}  ${range}\n${" ".repeat(width + 4)}${what}`,
    );
    return [
      `${bold(wanted)} (${section})  ${summary}`,
      ...(lines.length > 0 ? entries : ["  no options"]),
    ].join("\n");
  });
  return { document, text };
}

/** What a name is that has no options to list, and what to type instead. */
function adviceWithoutOptions(name: string): string | undefined {
  if (Object.hasOwn(sections().kinds, name)) {
    const instead = Object.hasOwn(templates, name)
      ? `isoloss init --kind ${name} prints one with its settings`
      : "isoloss list kinds says what it is";
    return `"${name}" is a kind of experiment, which has no list of its own: ${instead}.`;
  }
  return experimentNames().includes(name)
    ? `"${name}" is an experiment, which has no list of its own: isoloss run ${name} runs it.`
    : undefined;
}

/** An option's range and default. */
function rangeText(option: OptionDescription): string {
  const text = defaultText(option);
  return `${option.range}; ${text === undefined ? "must be given" : `default ${text}`}`;
}

/** An option's default; undefined where it is required. */
function defaultText({ required, otherwise, default: value }: OptionDescription): string | undefined {
  if (required) return undefined;
  return otherwise ?? (typeof value === "object" ? JSON.stringify(value) : String(value));
}
