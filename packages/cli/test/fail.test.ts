import { readFileSync } from "node:fs";
import { DataError, NumericalError, OptionError, RuntimeError, ShapeError } from "isoloss";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../src/config/errors.js";
import { failureOf } from "../src/fail.js";

describe("failureOf", () => {
  it.each([
    [new OptionError("The seed must be >= 0."), 2],
    [new ShapeError("[2] is not [3]."), 2],
    [new DataError("No such file."), 1],
    [new RuntimeError("No session."), 1],
    [new NumericalError("The loss became NaN."), 1],
  ])("tells %s in one line", (error, exitCode) => {
    expect(failureOf(error)).toEqual({ text: `isoloss: ${error.message}\n`, exitCode });
  });

  it("tells all that is wrong with a config, a line each, so that an editor finds it", () => {
    const issue = { where: "e.yaml:7:3", path: "steps", message: "expected a number" };
    const one = failureOf(new ConfigError([issue]));
    expect(one).toEqual({ text: "isoloss: e.yaml:7:3: steps: expected a number\n", exitCode: 2 });
    const two = failureOf(new ConfigError([issue, { ...issue, where: "--set a", path: "" }]));
    expect(two.text).toBe(
      "isoloss: 2 things are wrong with the config:\ne.yaml:7:3: steps: expected a number\n--set a: expected a number\n",
    );
  });

  it("explains what the system refused", () => {
    let caught: unknown;
    try {
      readFileSync("/none/such");
    } catch (error) {
      caught = error;
    }
    expect(failureOf(caught)).toEqual({
      text: "isoloss: /none/such: no such file or directory.\n",
      exitCode: 1,
    });
    const write = Object.assign(new Error("write"), { code: "ENOSPC", syscall: "write" });
    expect(failureOf(write).text).toBe("isoloss: write: no space is left on the disk.\n");
  });

  it("hides the stack of a defect until it is asked for", () => {
    const defect = new TypeError("x is not a function", { cause: new Error("deeper") });
    const { text, exitCode } = failureOf(defect);
    expect(text).toBe(
      "isoloss: a defect in isoloss: TypeError: x is not a function. Set ISOLOSS_DEBUG=1 to see where, and please report it.\n",
    );
    expect(exitCode).toBe(1);
    const debug = failureOf(defect, { debug: true }).text;
    expect(debug).toContain("fail.test.ts");
    expect(debug).toContain("Caused by: Error: deeper");
    expect(failureOf("text").text).toContain("Error: text.");
  });
});
