import { OptionError } from "isoloss";
import { nearest } from "../config/nearest.js";
import { dataRegistry } from "../experiments/catalogue/datasets.js";
import { lineSearchRegistry } from "../experiments/catalogue/line-searches.js";
import { methodRegistry } from "../experiments/catalogue/methods.js";
import { modelRegistry } from "../experiments/catalogue/models.js";
import { objectiveRegistry } from "../experiments/catalogue/objectives.js";
import { optimiserRegistry, scheduleRegistry } from "../experiments/catalogue/optimisers.js";
import { problemRegistry } from "../experiments/catalogue/problems.js";
import { searchRegistry } from "../experiments/catalogue/searches.js";
import { symmetryRegistry } from "../experiments/catalogue/symmetries.js";
import { multiTaskProblemRegistry } from "../experiments/catalogue/tasks.js";
import { whenRegistry } from "../experiments/catalogue/when.js";
import { loadExperiment, packagedNames } from "../experiments/definition/find.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { textList } from "../experiments/results/table.js";
import { colours } from "../terminal.js";

type Summaries = Readonly<Record<string, { readonly summary: string }>>;

/** What configs may name, by the key that names it. All come from the tables that the configs are checked by. */
const sections: Readonly<Record<string, Summaries>> = {
  kinds,
  problems: problemRegistry,
  models: modelRegistry,
  data: dataRegistry,
  optimisers: { ...optimiserRegistry, ...lineSearchRegistry },
  rates: scheduleRegistry,
  when: whenRegistry,
  searches: searchRegistry,
  symmetries: symmetryRegistry,
  objectives: objectiveRegistry,
  tasks: multiTaskProblemRegistry,
  methods: methodRegistry,
};

export interface ListOptions {
  readonly json: boolean;
}

/** `isoloss list`: everything that there is, one line each. */
export async function list(wanted: string | undefined, { json }: ListOptions): Promise<void> {
  const names = [...Object.keys(sections), "experiments"];
  if (wanted !== undefined && !names.includes(wanted)) {
    const meant = nearest(wanted, names);
    throw new OptionError(
      `There is no list of "${wanted}"${meant ? `; did you mean "${meant}"?` : "."} Known: ${names.join(", ")}.`,
    );
  }
  const chosen = wanted === undefined ? names : [wanted];
  const entries = await Promise.all(chosen.map(async (name) => [name, await entriesOf(name)] as const));
  if (json) {
    const document = Object.fromEntries(
      entries.map(([name, all]) => [name, all.map(([key, summary]) => ({ name: key, summary }))]),
    );
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const { bold } = colours();
  process.stdout.write(`${entries.map(([name, all]) => `${bold(name)}\n${textList(all)}`).join("\n\n")}\n`);
}

async function entriesOf(name: string): Promise<(readonly [string, string])[]> {
  if (name !== "experiments") {
    return Object.entries(sections[name]).map(([key, { summary }]) => [key, summary] as const);
  }
  return Promise.all(
    packagedNames().map(async (key) => [key, (await loadExperiment(key)).title ?? key] as const),
  );
}
