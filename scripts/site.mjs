// Builds the site of the documents into `site/html`; `npm run docs` adds the API reference.
// Pages are the documents of the repository, with references that are generated here: commands, names and ONNX operators from the program,
// JSON documents from the types, studies from the experiments and their journals.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { jsonDocuments } from "./site/json-documents.mjs";
import { operatorPage } from "./site/onnx-operators.mjs";
import { closeProgram, commandPages, namePages } from "./site/program.mjs";
import { studyPages } from "./site/studies.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const pages = join(root, "site/pages");
const read = (path) => readFileSync(join(root, path), "utf8");
const filesIn = (folder, extension) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => `${folder}/${name}`);

/** Documents of the repository by their paths, with those of their pages. */
const documents = new Map([
  ["README.md", "index.md"],
  ...filesIn("docs", ".md").map((path) => [path, path.slice("docs/".length)]),
  ...["CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md"].map((path) => [
    path,
    `project/${path.toLowerCase()}`,
  ]),
  ["examples/README.md", "examples/index.md"],
  ...readdirSync(join(root, "packages"))
    .map((name) => [`packages/${name}/README.md`, `packages/${name}.md`])
    .filter(([path]) => existsSync(join(root, path))),
]);

/** The page of a file or folder of the repository; undefined where it has none. */
function pageOf(path) {
  const [, study] = /^experiments\/(?:full\/journals\/|full\/|demo\/)?([\w-]+)(?:\.yaml)?$/.exec(path) ?? [];
  if (generated.has(path.replace("docs/", ""))) return path.replace("docs/", "");
  if (path === "experiments") return "studies/index.md";
  if (path === "examples") return "examples/index.md";
  if (study !== undefined && generated.has(`studies/${study}.md`)) return `studies/${study}.md`;
  if (/^examples\/[\w-]+\.mjs$/.test(path)) return path.replace(/\.mjs$/, ".md");
  return documents.get(path);
}

/** A document with links that lead to pages; what has no page is a name. */
function linked(text, path) {
  return text.replaceAll(
    /(?<!!)\[((?:[^[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(([^()\s]+)\)/g,
    (whole, label, target) => {
      if (/^(https?:|#|\/)/.test(target)) return whole;
      const [file, hash] = target.split("#");
      const page = pageOf(posix.normalize(posix.join(dirname(path), file)).replace(/\/$/, ""));
      if (page === undefined) return label;
      return `[${label}](/${page.replace(/(index)?\.md$/, "")}${hash === undefined ? "" : `#${hash}`})`;
    },
  );
}

const examplePages = filesIn("examples", ".mjs").map((path) => {
  const name = basename(path, ".mjs");
  return [`examples/${name}.md`, `# ${name}.mjs\n\n\`\`\`js\n${read(path)}\`\`\`\n`];
});

const generated = new Map([
  ...(await commandPages()),
  ...(await namePages()),
  ["reference/json-documents.md", jsonDocuments],
  ["reference/onnx-operators.md", operatorPage()],
  ...studyPages(),
  ...examplePages,
]);
await closeProgram();

rmSync(join(root, "site"), { recursive: true, force: true });
function write(path, text) {
  mkdirSync(dirname(join(pages, path)), { recursive: true });
  writeFileSync(join(pages, path), text);
}
for (const [path, page] of documents) {
  // Pictures lie beside the pages, as they do in docs.
  const text = read(path).replaceAll(
    /(!\[[^\]]*\]\(|src(?:set)?=")(?:docs\/)?((?:gallery|lab|results)\/)/g,
    "$1./$2",
  );
  write(page, linked(text, path));
}
for (const [page, text] of generated) write(page, linked(text, `docs/${page}`));
for (const folder of ["gallery", "lab", "results"]) {
  cpSync(join(root, "docs", folder), join(pages, folder), { recursive: true });
}

await build(join(root, "docs"));
