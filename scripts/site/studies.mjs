// A page for each study: what its experiment says of itself, the record of its results, and what the journal of its sweep says.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { tableOf } from "./program.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const namesIn = (folder, extension) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => basename(name, extension));

/** What scripts/readme-numbers.mjs wrote of the journals, read again by the program. */
const sweeps = JSON.parse(read("docs/results/sweeps.json"));
const records = namesIn("docs/studies", ".md").map((name) => ({
  name,
  text: read(`docs/studies/${name}.md`),
}));

/** The record of an experiment, or where it is; several experiments may have one. */
function measured(name) {
  const own = records.find((record) => record.name === name);
  if (own !== undefined)
    return `## Measured\n\n${own.text.replace(/^# .*\n+/, "").replaceAll(/^## /gm, "### ")}`;
  const command = new RegExp(`isoloss reproduce [^\`]*\\b${name}\\b(?!-)`);
  const other = records.find(({ text }) => command.test(text));
  return other === undefined ? "" : `Measured together with others: [${other.name}](${other.name}.md).`;
}

function experiment(name) {
  const path = `experiments/${name}.yaml`;
  if (!existsSync(join(root, path))) return { before: "", after: "" };
  const { title, source = {}, expected = [] } = parse(read(path), { merge: true });
  const from = [source.paper, source.where].filter((part) => part !== undefined).join(", ");
  const rows = expected.map(({ variant = "", path, value, atMost, atLeast, source = "" }) => {
    const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
    return [variant, `\`${path}\``, value ?? bound, source];
  });
  const parts = [
    from === "" ? "" : `Source: ${from}.`,
    source.note ?? "",
    `\`\`\`sh\nisoloss reproduce ${name}\n\`\`\``,
  ];
  const table = tableOf(["variant", "path", "expected", "source"], rows);
  return {
    title,
    before: parts.join("\n\n"),
    after: `${rows.length === 0 ? "" : `## Expected numbers\n\n${table}\n\n`}## Experiment\n\n\`\`\`yaml\n${read(path)}\`\`\``,
  };
}

function sweep(name) {
  if (!Object.hasOwn(sweeps, name)) return "";
  const { counts, minutes, confirmed } = sweeps[name];
  const trials = Object.entries(counts).map(([status, n]) => `${n} ${status}`);
  // Settings of a trial are JSON.
  const asCode = (text) => text.replaceAll(/\{".*?\}(?=[,) ;.])/g, (json) => `\`${json}\``);
  const findings = confirmed.map(({ judgment, text }) => `- **${judgment}**: ${asCode(text)}\n`);
  return `## Sweep

${trials.join(", ")} trials in ${minutes} minutes. Its journal is \`experiments/full/journals/${name}\`; \`isoloss sweep --resume\` of a copy reads it again.

${findings.length === 0 ? "" : `On fresh seeds:\n\n${findings.join("")}\n`}\`\`\`yaml
${read(`experiments/full/journals/${name}/sweep.yaml`)}\`\`\``;
}

/** The pages of all studies, and their list. */
export function studyPages() {
  const names = new Set([
    ...namesIn("experiments", ".yaml"),
    ...records.map((record) => record.name),
    ...Object.keys(sweeps),
  ]);
  const pages = [...names].sort().map((name) => {
    const own = records.find((record) => record.name === name);
    const { title = /^# (.*)/.exec(own?.text ?? "")?.[1] ?? name, before, after } = experiment(name);
    const parts = [`# ${title}`, before, measured(name), sweep(name), after];
    return { name, title, text: parts.filter((part) => part !== "").join("\n\n") };
  });
  const list = pages.map(({ name, title }) => `- [${title}](${name}.md)`).join("\n");
  return [
    [
      "studies/index.md",
      `# Studies\n\nOne page a study. [Results](../results.md) has them in brief.\n\n${list}\n`,
    ],
    ...pages.map(({ name, text }) => [`studies/${name}.md`, text]),
  ];
}
