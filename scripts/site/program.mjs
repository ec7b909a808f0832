// Pages from the program itself: the help of every command, and all names that experiments may use, with their options.
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { sources } from "../entries.js";
import { optionComments } from "../option-comments.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

// From the sources, as a test loads them; the commands load their code when they run.
const alias = Object.entries(sources).map(([name, file]) => ({
  find: new RegExp(`^${name}$`),
  replacement: file,
}));
const server = await createServer({
  root,
  configFile: false,
  appType: "custom",
  logLevel: "error",
  plugins: [optionComments],
  optimizeDeps: { noDiscovery: true },
  resolve: { alias },
  server: { middlewareMode: true, watch: null, ws: false },
});
/** A module of the sources. */
export const load = (path) => server.ssrLoadModule(path);
const { createProgram, runCommandLine } = await load("/packages/cli/src/commands/program.ts");
const { commands, modelCommands } = await load("/packages/cli/src/commands/registry.ts");
/** Ends what reads the sources. */
export const closeProgram = () => server.close();

/** What a command prints as one JSON document. */
async function json(...args) {
  const { write } = process.stdout;
  let text = "";
  process.stdout.write = (part) => {
    text += part;
    return true;
  };
  try {
    await runCommandLine([...args, "--json"], { version: "" });
  } finally {
    process.stdout.write = write;
  }
  return JSON.parse(text);
}

/** A cell of a table: what Markdown and Vue would read is escaped, but not in code. */
const cell = (text) =>
  String(text)
    .replaceAll("|", "\\|")
    .replaceAll("\n", " ")
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;").replaceAll("{{", "{&#123;")))
    .join("");
export const tableOf = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

/** A command's help as a section, and those of its own commands. */
function sectionsOf(command, path) {
  const name = [...path, command.name()].join(" ");
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help");
  const after = [];
  command.emit("afterHelp", { write: (text) => after.push(text), error: false, command });
  const rows = options.map((option) => [
    `\`${option.flags}\``,
    command.createHelp().optionDescription(option),
  ]);
  const head = `## ${name}\n\n\`${name} ${command.usage()}\`\n\n${cell(command.description())}\n`;
  const table = rows.length > 0 ? `\n${tableOf(["option", "what"], rows)}\n` : "";
  const text = after.join("").replace(/^\n+/, "").trimEnd();
  const own = command.commands.filter((one) => one.name() !== "help");
  return [
    `${head}${table}${text === "" ? "" : `\n\`\`\`text\n${text}\n\`\`\`\n`}`,
    ...own.flatMap((one) => sectionsOf(one, [...path, command.name()])),
  ];
}

/** The page of the commands. */
export async function commandPages() {
  const all = [...commands, ...modelCommands].map(({ usage }) => usage.split(" ")[0]);
  const program = await createProgram(all, { version: "" });
  const sections = program.commands.flatMap((command) => sectionsOf(command, ["isoloss"]));
  const text = `# Commands\n\nWhat \`isoloss COMMAND --help\` prints, written by the program when this site was built. For a start see [the command line](../command-line.md).\n\n${sections.join("\n")}`;
  return [["reference/commands.md", text]];
}

/** The page of the names, from the registries by which experiments are checked. */
export async function namePages() {
  const lists = await json("list");
  const sections = [];
  for (const [section, names] of Object.entries(lists)) {
    sections.push(`## ${section}\n`);
    if (section === "experiments" || section === "kinds") {
      sections.push(
        tableOf(
          ["name", "what"],
          names.map(({ name, summary }) => [`\`${name}\``, summary]),
        ),
        "",
      );
      continue;
    }
    for (const { name, summary } of names) {
      const choice = (await json("list", name)).find((one) => one.section === section);
      sections.push(`### ${name} {#${section}-${name}}\n\n${cell(summary)}\n`);
      const rows = choice.options.map((option) => [
        `\`${option.name}\``,
        option.range,
        option.default ?? "must be given",
        option.summary,
      ]);
      if (rows.length > 0) sections.push(tableOf(["option", "values", "default", "what"], rows), "");
    }
  }
  const text = `# Names in experiments\n\nWhat \`isoloss list\` and \`isoloss list NAME\` print: everything that the YAML of an experiment may name, with its options.\n\n${sections.join("\n")}`;
  return [["reference/names.md", text]];
}
