import { readdirSync, readFileSync } from "node:fs";
import * as library from "isoloss-test-support/library";
import { describe, expect, it } from "vitest";
import * as clip from "../../src/optim/clip.js";
import * as plateau from "../../src/optim/plateau.js";
import * as schedules from "../../src/optim/schedules.js";

const folder = new URL("../../src/optim/", import.meta.url);
const scope = { ...library, ...clip, ...plateau, ...schedules };
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;

/** The code of every `@example`, and what its last comment says it gives. */
const examples = readdirSync(folder).flatMap((file) => {
  const text = readFileSync(new URL(file, folder), "utf8");
  return [...text.matchAll(/@example\n((?: \* .*\n)+)/g)].map(([, block]): [string, string, string] => {
    const code = block.replaceAll(/^ \* /gm, "");
    const cut = code.lastIndexOf("// ");
    return [`${file}: ${code.split("\n")[0]}`, code.slice(0, cut), code.slice(cut + 3).trim()];
  });
});

/** Runs an example: what it logs, or else the value of its last line. */
async function run(code: string): Promise<unknown[]> {
  const logged: unknown[] = [];
  const logs = code.includes("console.log");
  const lines = code.trim().replace(/;$/, "").split("\n");
  if (!logs) lines.push(`return ${lines.pop()}`);
  const f = new AsyncFunction("console", ...Object.keys(scope), lines.join("\n"));
  const value = await f({ log: (x: unknown) => logged.push(x) }, ...Object.values(scope));
  return logs ? logged : [value];
}

const format = (value: unknown): string => {
  if (library.isNdArray(value)) return format(value.data.length === 1 ? value.data[0] : value.data);
  if (ArrayBuffer.isView(value)) {
    const elements = Array.from(value as Float64Array, (x) => Number(x.toPrecision(8)));
    return `${value.constructor.name} [${elements.join(", ")}]`;
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

describe("the examples of optim", () => {
  it("are there for every optimizer and schedule", () => {
    expect(examples.length).toBeGreaterThanOrEqual(17);
  });

  it.each(examples)("%s", async (_, code, expected) => {
    const values = await run(code);
    expect(values.map(format).join(" ")).toBe(expected);
  });
});
