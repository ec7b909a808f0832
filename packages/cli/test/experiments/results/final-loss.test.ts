import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CompareDocument } from "../../../src/commands/compare.js";
import { parseConfig } from "../../../src/config/load.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob, type Job, jobsOf } from "../../../src/experiments/jobs/job.js";
import { jobReporter } from "../../../src/experiments/jobs/session.js";
import { loadStored } from "../../../src/experiments/jobs/stored.js";
import type { JobResult } from "../../../src/experiments/kind.js";
import { formatNumber } from "../../../src/experiments/results/format-number.js";
import { finalLoss, lossCurve } from "../../../src/experiments/results/loss-curve.js";
import { summaryRows } from "../../../src/experiments/results/summary.js";
import { runsDocument } from "../../../src/formats/json.js";
import { booth, digits } from "../../commands/support.js";

let out: string;
let job: Job;
let net: JobResult;

const hooks = { progress() {}, shouldStop: () => false };
const jobOf = (text: string, set: readonly string[]): Job =>
  jobsOf(resolveExperiment(parseConfig(text, { schema: experimentSchema, file: "x.yaml", set })), {
    out,
    checkpointSeconds: 100,
  })[0];

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), "isoloss-final-"));
  job = jobOf(digits, ["steps=100"]);
  net = await executeJob(job, hooks);
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("the final loss of a run", () => {
  it("is the mean of the last twentieth of mini-batches, with and without validation data", async () => {
    const last = net.document.loss.history.slice(-5) as number[];
    expect(finalLoss(net)).toBeCloseTo(mean(last), 12);
    const bare = await executeJob(jobOf(digits, ["steps=100", "data.validation=0"]), hooks);
    expect(finalLoss(bare)).toBeCloseTo(mean(bare.document.loss.history.slice(-5) as number[]), 12);
  });

  it("is the loss at the end of a function's run", async () => {
    const result = await executeJob(jobOf(booth, []), hooks);
    expect(finalLoss(result)).toBe(result.document.loss.last);
  });

  it("is missing in a table with the word for how the run ended", () => {
    const one = (status: JobResult["document"]["status"], final: number | null): JobResult => ({
      ...net,
      document: { ...net.document, status, metrics: { "loss.final": final } },
    });
    const cell = (...runs: readonly JobResult[]) => summaryRows(runs).rows[0][2];
    const known = one("completed", 0.5);
    expect(cell(known, one("failed", null), one("interrupted", null), one("failed", null))).toBe(
      "0.5 (2 failed, 1 interrupted)",
    );
    expect(cell(known, one("diverged", 0.1))).toBe("0.5 (1 diverged)");
    expect(cell(known, one("completed", null))).toBe("0.5 (1 without a number)");
    expect(cell(known, one("interrupted", 0.5), one("failed", null))).toBe(
      "0.5 (1 of 2 interrupted, 1 failed)",
    );
    expect(cell(one("failed", null), one("failed", null))).toBe("- (2 failed)");
    expect(cell(one("completed", null))).toBe("-");
  });

  it("is none where the run diverged, whose records end at a finite loss", async () => {
    const result = await executeJob(jobOf(booth, ["learningRate=1e6", "steps=400"]), hooks);
    const { document } = result;
    expect([document.status, Number.isFinite(document.loss.last)]).toEqual(["diverged", true]);
    expect(finalLoss(result)).toBeNull();
    expect(document.metrics).not.toHaveProperty(["loss.final"]);
    expect(runsDocument([document]).summary.loss).toBeNull();

    const { head, rows } = summaryRows([result]);
    expect(rows[0][head.indexOf("final loss")]).toBe("- (1 diverged)");
    const directory = document.directory as string;
    const { stderr } = await inProcess(["compare", directory], out);
    expect(stderr).toMatch(/^isoloss: No run of .* has a final loss to reach: give one with --target\.$/m);
    const { stdout } = await inProcess(["compare", directory, "--target", "1"], out);
    expect(stdout).toContain("0 of 1");
  });

  it("is one number in progress, table, comparison, summary.json and the means over seeds", async () => {
    const final = finalLoss(net) as number;
    // The last mini-batch, and the whole of the training data, have others.
    expect(final).not.toBeCloseTo(net.document.loss.last as number, 4);
    expect(final).not.toBeCloseTo(net.document.metrics["train.loss"] as number, 4);

    let progress = "";
    const stream = { write: (text: string) => (progress += text) };
    jobReporter([job], stream, { quiet: false }).onEnd({ job, result: net });
    expect(progress).toContain(`final loss ${formatNumber(final)},`);

    const { head, rows } = summaryRows([net]);
    expect(rows[0][head.indexOf("final loss")]).toBe(formatNumber(final, 5));
    // The gradient is that of the last mini-batch, however short the run.
    const short = { ...net.document, loss: { ...net.document.loss, history: [2, 1] } };
    expect(summaryRows([{ ...net, document: short }]).head).not.toContain("||g||^2");

    const directory = net.document.directory as string;
    const { stdout } = await inProcess(["compare", directory, "--json"], out);
    const { target, groups } = JSON.parse(stdout) as CompareDocument;
    expect([target, groups[0].finalLoss?.mean]).toEqual([final, final]);

    const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"));
    expect(summary.metrics["loss.final"]).toBe(final);
    expect(runsDocument([net.document]).summary.loss?.mean).toBe(final);
    expect(finalLoss(await loadStored(directory))).toBe(final);
    expect(lossCurve(net).last).toBe(final);
  });

  it("is that of a kind which has no such curve: a study of minima gives the mean over its models", () => {
    const metrics = { ...net.document.metrics, "loss.final": 0.5 };
    expect(finalLoss({ ...net, document: { ...net.document, metrics } })).toBe(0.5);
  });
});

describe("the table of an experiment", () => {
  it("has the metric of the test data beside that of the validation data", () => {
    const metrics = { ...net.document.metrics, "test.loss": 0.4, "test.accuracy": 0.875 };
    const { head, rows } = summaryRows([{ ...net, document: { ...net.document, metrics } }]);
    expect(rows[0][head.indexOf("test accuracy")]).toBe("0.875");
    expect(head.indexOf("test accuracy")).toBe(head.indexOf("validation accuracy") + 1);
    expect(head.indexOf("test loss")).toBe(head.indexOf("validation loss") + 1);
    expect(summaryRows([net]).head).not.toContain("test accuracy");
  });

  it("has times where no other run was beside", () => {
    const times = ({ wallSeconds }: { readonly wallSeconds: number | null }) =>
      summaryRows([{ ...net, document: { ...net.document, wallSeconds } }]).head.filter((name) =>
        /time/.test(name),
      );
    expect(times({ wallSeconds: 1 })).toContain("time");
    expect(times({ wallSeconds: null })).toEqual([]);
  });

  it("has the loss on the test data where there is no accuracy", () => {
    const metrics = { "test.loss": 0.4 };
    const { head, rows } = summaryRows([{ ...net, document: { ...net.document, metrics } }]);
    expect(rows[0][head.indexOf("test loss")]).toBe("0.4");
  });
});
