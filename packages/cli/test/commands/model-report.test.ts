// The pages of --report.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng, encodeNpy } from "isoloss/data";
import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, it } from "vitest";
import type { Quantized } from "../../src/commands/model/quantize.js";
import { normalized, perceptron, unusedRank } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);

beforeAll(async () => {
  writeFileSync(at("model.onnx"), normalized({ channels: 12 }));
  writeFileSync(at("tanh.onnx"), perceptron("tanh"));
  writeFileSync(at("unused.onnx"), unusedRank());
  const rng = createRng(3);
  const data = Float32Array.from({ length: 32 * 192 }, () => rng.normal());
  writeFileSync(at("images.npy"), encodeNpy({ shape: [32, 3, 8, 8], data }));
  const labels = BigInt64Array.from({ length: 32 }, (_, i) => BigInt(data[192 * i] > 0 ? 1 : 0));
  writeFileSync(at("labels.npy"), encodeNpy({ shape: [32], data: labels }));
  mkdirSync(at("folder"));
  await bench.run("model", "fold", "model.onnx", "-o", "folded.onnx");
});

/** Runs a command with --report, and reads the page. */
async function page(...args: string[]) {
  const { status, stderr } = await bench.run("model", ...args, "--report", "pages/page.html");
  // Scales of small layers take more than their weights save.
  const remarks = withoutProgress(stderr).replace(/^isoloss: int8\.onnx is larger than .*\n/, "");
  expect([status, remarks]).toEqual([0, ""]);
  const html = readFileSync(at("pages/page.html"), "utf8");
  expect(html).not.toMatch(/NaN|undefined|\[object/);
  const { document } = parseHTML(html);
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map((e) => e.textContent ?? "");
  return {
    html,
    texts,
    headings: texts("h2"),
    conclusion: texts(".conclusion")[0],
    figures: [...document.querySelectorAll("svg")].map((svg) => svg.getAttribute("aria-label")),
    /** Cells of the body of the k-th table. */
    table: (k: number) =>
      [...(document.querySelectorAll("table")[k]?.querySelectorAll("tbody tr") ?? [])].map((row) =>
        [...row.children].map((cell) => cell.textContent ?? ""),
      ),
  };
}

const weights = "Largest weight of each channel";
const errors = "Signal to error of each choice";

describe("isoloss model ... --report", () => {
  it("quantize: has all choices, the recommended one, layers, weights and groups", async () => {
    const args = ["quantize", "model.onnx", "--calibration", "images.npy", "--force", "-o", "int8.onnx"];
    const document = await bench.json<Quantized>("model", ...args, "--json");
    const { headings, figures, conclusion, table, texts } = await page(...args);
    expect(headings).toEqual([
      "Measured choices",
      "Layers",
      "Weights of each channel",
      "Units that move together",
      "Environment",
    ]);
    expect(figures).toEqual([errors, weights]);
    expect(conclusion).toMatch(
      /^Recommended and written to int8\.onnx: .*, per \w+.* kB instead of .* kB\.$/,
    );
    expect(table(0).map(([, sqnr]) => sqnr.replace(/ \[.*/, ""))).toEqual(
      document.table.map(({ sqnr }) => `${sqnr?.toFixed(1)} dB`),
    );
    expect(table(1).map(([node, , bits]) => [node, bits])).toEqual(
      document.nodes.map(({ node, bits }) => [node, `${bits ?? "-"}`]),
    );
    expect(table(2)).toEqual([
      ["3 units", "input.gamma, input.beta times c; conv.weight axis 1 divided by c"],
      ["12 units", "conv.weight axis 0, conv.bias times c; last.weight axis 1 divided by c"],
    ]);
    expect(texts("summary")).toContain("Scalings: each unit has a factor c > 0 (2 groups)");
  });

  it("balance: has the imbalance before and after, and that weights come together", async () => {
    const { headings, figures, table, conclusion } = await page(
      ...["balance", "folded.onnx", "--by", "range", "-o", "balanced.onnx"],
    );
    expect(headings.slice(0, 3)).toEqual([
      "Imbalance",
      "Weights of each channel",
      "Units that move together",
    ]);
    expect(figures).toEqual([weights]);
    expect(conclusion).toMatch(/^Written to balanced\.onnx: balanced by range\. On random inputs no output/);
    const [, , [, before, after]] = table(0);
    expect(Number(after)).toBeLessThan(Number(before));
    expect(table(1).map(([, units]) => units)).toEqual(["3", "12"]);
  });

  it("balance: says where there was nothing to do", async () => {
    const { conclusion, texts } = await page("balance", "tanh.onnx", "-o", "same.onnx");
    expect(conclusion).toBe("There was nothing to change.");
    expect(texts("section > p")).toContain("The model has none.");
  });

  it("prune: has both rankings, and which groups lost units", async () => {
    const args = ["prune", "folded.onnx", "--fraction", "0.5", "--force", "-o", "pruned.onnx"];
    const zeros = await page(...args);
    expect(zeros.figures).toEqual([errors, weights]);
    expect(zeros.table(0).map(([ranked]) => ranked)).toEqual(["balanced", "as they are"]);
    const { table, headings } = await page(...args, "--units");
    expect(headings).toContain("Units that move together");
    expect(table(1)).toEqual([["conv.weight and 2 more", "12", "8", ""]]);
  });

  it("half: has how large values are, and one file where nothing had to move", async () => {
    const { figures, table, conclusion } = await page("half", "folded.onnx", "-o", "half.onnx");
    expect(figures).toEqual(["Values inside the model", weights]);
    expect(conclusion).toBe("Written to half.onnx: numbers as they are.");
    expect(table(0).map(([numbers]) => numbers)).toEqual(["as they are"]);
  });

  it("low-rank: has the exact and the truncated file, and the spaces", async () => {
    const { headings, figures, table, conclusion } = await page(
      ...["low-rank", "unused.onnx", "--rank", "2", "-o", "smaller.onnx"],
    );
    expect(headings.slice(0, 2)).toEqual(["Measured choices", "Spaces"]);
    expect(figures[0]).toBe(errors);
    expect(conclusion).toBe("Written to smaller.onnx: spaces truncated.");
    expect(table(0).map(([choice]) => choice)).toEqual(["without unused rank", "truncated"]);
    expect(table(1).map(([, size, rank]) => [size, rank])).toEqual([["8", "2"]]);
  });

  it("finetune: has losses by epoch, and the layers that had a batch normalization", async () => {
    const data = [
      "--data",
      "images.npy",
      "--labels",
      "labels.npy",
      "--rate",
      "0.01",
      "--epochs",
      "3",
      "--restore",
    ];
    const { headings, figures, table, conclusion } = await page(
      ...["finetune", "folded.onnx", ...data, "-o", "tuned.onnx", "--quiet"],
    );
    expect(headings.slice(0, 3)).toEqual(["Epochs", "Layers", "Weights of each channel"]);
    expect(figures).toEqual(["Loss against epochs", weights]);
    expect(conclusion).toMatch(
      /^Wrote tuned\.onnx: epoch \d, the best by validation loss\. The validation examples chose this epoch/,
    );
    expect(table(0).map(([epoch]) => epoch)).toEqual(["as it came", "1", "2", "3"]);
  });

  it("needs no other file, follows the reader's colors, and changes nothing else that is printed", async () => {
    const args = ["model", "half", "folded.onnx", "--replace", "-o", "half.onnx"];
    const { html } = await page(...args.slice(1));
    expect(html).not.toMatch(/<script|<link|src=/);
    expect(html).toContain("prefers-color-scheme: dark");
    const [plain, reported] = [await bench.run(...args), await bench.run(...args, "--report", "r.html")];
    expect(reported.stdout).toBe(plain.stdout);
  });

  it.each([
    ["folder", /--report folder is a folder: name a file, such as folder\/report\.html/],
    ["./folded.onnx", /--report \.\/folded\.onnx is the model that is read: name another file with --report/],
    ["out.onnx", /--report out\.onnx is the new model: name another file with --report/],
    ["model.onnx/page.html", /Cannot write to the folder .*model\.onnx: it is a file/],
  ])("is refused at %s, before anything is written", async (place, message) => {
    const before = readFileSync(at("folded.onnx"));
    for (const command of ["half", "balance"]) {
      const { status, stderr } = await bench.run(
        ...["model", command, "folded.onnx", "-o", "out.onnx", "--report", place],
      );
      expect(status).not.toBe(0);
      expect(stderr).toMatch(message);
    }
    expect(existsSync(at("out.onnx"))).toBe(false);
    expect(readFileSync(at("folded.onnx"))).toEqual(before);
  });
});
