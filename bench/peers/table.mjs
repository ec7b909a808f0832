// What one would take instead in TypeScript, on the same training steps: a table in Markdown.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { openBrowser, openNode } from "./places.mjs";
import { workloads } from "./steps.mjs";

const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

const columns = [
  { title: "Isoloss", library: "isoloss" },
  {
    title: `TensorFlow.js ${dependencies["@tensorflow/tfjs"]}, wasm`,
    library: "tensorflow",
    backend: "wasm",
  },
  { title: `TensorFlow.js ${dependencies["@tensorflow/tfjs"]}, cpu`, library: "tensorflow", backend: "cpu" },
  { title: `jax-js ${dependencies["@jax-js/jax"]}, wasm`, library: "jax" },
];

/** Largest relative difference of the last losses: float32 in another order of sums. */
const tolerance = 1e-4;

const rounded = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(2));
const milliseconds = ({ us, range }) =>
  `${rounded(us / 1000)} ms [${range.map((end) => rounded(end / 1000)).join(", ")}]`;

function cell(result, ours) {
  if (result.error) return "-";
  if (result === ours || ours.error) return milliseconds(result);
  if (!(Math.abs(result.loss - ours.loss) <= tolerance * Math.abs(ours.loss))) return "another loss";
  return `${milliseconds(result)} (${rounded(result.us / ours.us)})`;
}

/** Measures all, and prints a row for each workload and place. */
export async function printTable({ rounds, filters, say }) {
  const places = [openNode(), await openBrowser()].filter((place) => place);
  const names = Object.keys(workloads).filter((name) => filters.some((f) => name.includes(f)));
  const notes = [];
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const titles = ["training step", "where", ...columns.map(({ title }) => title)];
  console.log([line(titles), line(titles.map(() => "---"))].join("\n"));
  for (const place of places) {
    for (const name of names) {
      const results = [];
      for (const { title, library, backend } of columns) {
        say(`${place.name}: ${name}, ${title}\n`);
        const result = await place.measure({ library, backend, workload: name, rounds });
        results.push(result);
        if (result.error) notes.push(`${place.name}, ${name}, ${title}: ${result.error.split("\n")[0]}`);
      }
      console.log(line([name, place.name, ...results.map((result) => cell(result, results[0]))]));
    }
    await place.close();
  }
  const [{ model }, ...others] = cpus();
  const today = new Date().toISOString().slice(0, 10);
  console.log(`\n${today}, Node ${process.versions.node}, ${others.length + 1} cores of ${model.trim()}.`);
  for (const note of notes) console.log(note);
}
