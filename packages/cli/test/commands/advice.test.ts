// What commands print for the user to go on with.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RunDocument } from "../../src/formats/json.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

/** The words of a command as a shell reads them. */
const wordsOf = (command: string): string[] =>
  execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" })
    .split("\n")
    .slice(0, -1);

it("commands to copy hold paths with spaces", async () => {
  const { stdout } = await bench.run("init", "my own/first one.yaml");
  const [, command = ""] = /run it with\n {2}(.*)\n/.exec(stdout) ?? [];
  expect(wordsOf(command)).toEqual(["isoloss", "run", "my own/first one.yaml"]);
  mkdirSync(join(bench.folder, "my data"));
  bench.write("my data/a b.csv", `x,y\n${Array.from({ length: 20 }, (_, i) => `${i},${i % 2}\n`).join("")}`);
  const data = await bench.run("init", "--data", "my data/a b.csv");
  expect(wordsOf(/run it with\n {2}(.*)\n/.exec(data.stdout)?.[1] ?? "")).toEqual([
    ...["isoloss", "run", "a b.yaml"],
  ]);
});

/** Of two variants one fails when it begins. */
const two = (steps: number) => `name: two
kind: train
data: { csv: rooms.csv, label: rent }
model: { name: mlp, sizes: [1, 2, 1] }
optimizer: sgd
learningRate: 0.01
batchSize: 1
steps: ${steps}
runtime: javascript
variants:
  wrong: { data: { csv: rooms.csv, label: rent, features: [areas] } }
  right: {}
`;

it("runs that failed are told beside the results of the others", async () => {
  bench.write("rooms.csv", "area,rent\n1,2\n2,3\n3,4\n4,5\n5,6\n");
  bench.write("two.yaml", two(20));
  const { status, stdout, stderr } = await bench.run("run", "two.yaml", "--quiet");
  expect(status).toBeGreaterThan(0);
  expect(stderr).toMatch(/^isoloss: wrong, seed 0: .*areas/);
  expect(stdout).toMatch(/^right +1 /m);
  expect(readdirSync(join(bench.folder, "runs/two-right-0-1/figures"))).toContain("loss.svg");
  const json = await bench.run("run", "two.yaml", "--quiet", "--json");
  const { name, variants } = JSON.parse(json.stdout);
  expect([json.status, name, Object.keys(variants)]).toEqual([status, "two", ["right"]]);
});

it("an interrupted command tells why other runs failed, and how to do those that had not begun", async () => {
  bench.write("rooms.csv", "area,rent\n1,2\n2,3\n3,4\n4,5\n5,6\n");
  bench.write("two.yaml", `${two(500_000)}  later: {}\n`);
  const timer = setInterval(() => {
    if (!existsSync(join(bench.folder, "my runs/two-right-0-1/metrics.jsonl"))) return;
    clearInterval(timer);
    process.listeners("SIGINT").at(-1)?.("SIGINT");
  }, 20);
  // In this process the timer has its turn while a checkpoint is written.
  const args = ["two.yaml", "--checkpoint-every", "100", "--out", "my runs", "--seeds", "0..2"];
  const { status, stderr } = await bench.run("run", ...args);
  expect(status).toBe(130);
  expect(stderr).toMatch(/^isoloss: wrong, seed 0: .*areas/m);
  const [, advice = ""] = /Resume with\n {2}(.*)\n/.exec(stderr) ?? [];
  expect(wordsOf(advice)).toEqual([
    ...["isoloss", "run", "--resume", join(bench.folder, "my runs/two-right-0-1")],
  ]);
  expect(stderr).toMatch(
    /^For the others give the same command with, .*,\n {2}--variant right --seeds 1\.\.2\n {2}--variant later --seeds 0\.\.2\n$/m,
  );
});

it("a run that is interrupted in its first training is resumed at its beginning", async () => {
  const text = (epochs: number) => `name: first
kind: continue
data: { name: digits, limit: 100 }
model: { name: mlp, sizes: [64, 4, 10] }
pretrain: { optimizer: sgd, learningRate: 0.01, epochs: ${epochs} }
optimizer: sgd
learningRate: 0.01
batchSize: 10
steps: 3
runtime: javascript
`;
  bench.write("first.yaml", text(1_000_000));
  const directory = join(bench.folder, "runs/first-0-1");
  const timer = setInterval(() => {
    if (!existsSync(join(directory, "environment.json"))) return;
    clearInterval(timer);
    setTimeout(() => process.listeners("SIGINT").at(-1)?.("SIGINT"), 100);
  }, 20);
  const { status, stderr } = await bench.run("run", "first.yaml");
  expect(status).toBe(130);
  expect(stderr).toContain(`interrupted. Resume with\n  isoloss run --resume ${directory}\n`);
  bench.write("runs/first-0-1/config.yaml", text(1));
  const resumed = await bench.json<RunDocument>("run", "--resume", directory, "--quiet", "--json");
  expect([resumed.status, resumed.steps]).toEqual(["completed", 3]);
});
