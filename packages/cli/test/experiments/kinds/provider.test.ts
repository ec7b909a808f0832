// Where a run computes: an execution provider of ONNX Runtime, which a computer has or not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kinds } from "../../../src/experiments/kinds/kinds.js";
import type { RunDocument } from "../../../src/formats/json.js";
import { workbench } from "../../commands/support.js";

const bench = workbench({ isInProcess: true });

describe("the provider of a run", () => {
  it("is a setting of every kind that computes, beside the threads", () => {
    for (const [name, { settings }] of Object.entries(kinds)) {
      const computes = name !== "tables" && name !== "recorded";
      for (const setting of ["provider", "threads"]) {
        expect([name, setting, setting in settings]).toEqual([name, setting, computes]);
      }
    }
  });

  it("computes it, and is in its environment", async () => {
    const args = [
      "booth",
      "--variant",
      "plain",
      "--provider",
      "cpu",
      "--set",
      "threads=1",
      "--json",
      "--quiet",
    ];
    const { directory, status } = await bench.json<RunDocument>("run", ...args);
    expect(status).toBe("completed");
    const environment = JSON.parse(readFileSync(join(directory as string, "environment.json"), "utf8"));
    expect(environment).toMatchObject({ runtime: "onnx", device: "cpu", threads: 1 });
  });

  it("of --provider computes what a variant gives another one, and no run in JavaScript or without computing", async () => {
    const options = ["--provider", "cpu", "--json", "--quiet"];
    const other = ["--set", "variants.plain.provider=tpu", "--variant", "plain"];
    const { directory } = await bench.json<RunDocument>("run", "booth", ...other, ...options);
    expect(readFileSync(join(directory as string, "config.yaml"), "utf8")).toContain("provider: cpu");
    const javascript = ["--set", "runtime=javascript", "--variant", "plain"];
    for (const args of [
      ["booth", ...javascript],
      ["published-tables", "--variant", "cityscapes"],
    ]) {
      const found = await bench.json<RunDocument>("run", ...args, ...options);
      expect([args[0], found.status]).toEqual([args[0], "completed"]);
    }
  });

  it.each([
    ["run", "booth"],
    ["sweep", "any.yaml"],
    ["worker", "--queue", "redis://127.0.0.1:1"],
  ])(
    "is refused by isoloss %s where there is none of its name, with those that there are",
    async (...args) => {
      const { status, stderr } = await bench.run(...args, "--provider", "tpu");
      expect(status).toBe(2);
      expect(stderr).toContain("--provider tpu: ONNX Runtime has none of this name. What computes here: cpu");
    },
  );

  it("is refused in an experiment, too", async () => {
    const { status, stderr } = await bench.run("run", "booth", "--set", "provider=tpu", "--quiet");
    expect(status).toBe(1);
    expect(stderr).toContain('no provider "tpu" here; it has cpu');
  });
});
