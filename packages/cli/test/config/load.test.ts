import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { DataError, OptionError } from "isoloss";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError } from "../../src/config/errors.js";
import { configJsonSchema } from "../../src/config/json-schema.js";
import { checkConfig, loadConfig, parseConfig } from "../../src/config/load.js";

const optimizer = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("adam"), betas: z.tuple([z.number(), z.number()]).optional() }),
  z.strictObject({ name: z.literal("adagrad") }),
  z.strictObject({ name: z.literal("sgd"), momentum: z.number().min(0).lt(1).default(0) }),
]);
const schema = z.strictObject({
  name: z.string().min(1),
  steps: z.int().min(1).default(100),
  learningRate: z.number().positive(),
  optimizer: optimizer.meta({ title: "optimizer" }).default({ name: "sgd", momentum: 0 }),
  runtime: z.enum(["javascript", "onnx"]).meta({ title: "runtime" }).default("javascript"),
  teleports: z
    .union([z.enum(["none", "always"]), z.strictObject({ at: z.array(z.int().min(0)) })])
    .optional(),
  tasks: z.array(z.strictObject({ name: z.string(), weight: z.number().optional() })).optional(),
  data: z.record(z.string(), z.number()).optional(),
});

const parse = (text: string, set: readonly string[] = []) =>
  parseConfig(text, { schema, set, file: "e.yaml" });

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toBeInstanceOf(OptionError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

const valid = "name: toy\nlearningRate: 1e-3\n";

describe("parseConfig", () => {
  it("takes no binary file for YAML", () => {
    const refused = (text: string, file: string) => messageOf(() => parseConfig(text, { schema, file }));
    expect(refused(valid, "net.onnx")).toBe(
      "net.onnx: this is an ONNX model, not a config: isoloss model --help lists the commands that take one.",
    );
    expect(refused(`PK\0${valid}`, "x.npz")).toBe("x.npz: this is a binary file, not a config in YAML.");
  });

  it("gives the values with their defaults", () => {
    expect(parse(`# comment\n${valid}tasks: [{name: a}, {name: b, weight: 2}]\n`)).toEqual({
      name: "toy",
      steps: 100,
      learningRate: 0.001,
      optimizer: { name: "sgd", momentum: 0 },
      runtime: "javascript",
      tasks: [{ name: "a" }, { name: "b", weight: 2 }],
    });
  });

  it("takes over the keys of other maps by <<, the map's own first", () => {
    const text = `${valid}optimizer: &base {name: sgd, momentum: 0.9}\ntasks:\n`;
    const merged = `${text}  - &first {name: a, weight: 2}\n  - {<<: *first, name: b}\n`;
    expect(parse(merged).tasks).toEqual([
      { name: "a", weight: 2 },
      { name: "b", weight: 2 },
    ]);
    expect(parse(merged, ["tasks[1].weight=3"]).tasks?.[1]).toEqual({ name: "b", weight: 3 });
    expect(messageOf(() => parse(`${text}  - {<<: *base, weight: 1}\n`))).toContain(
      "tasks[0].momentum: unknown key",
    );
    // What stands below a key that may be another map's would replace all of it.
    const whole = `name: toy\ntasks:\n  - &all {name: a, data: {x: 1}}\n  - {<<: *all}\n`;
    expect(messageOf(() => parse(whole, ["tasks[1].data.x=2"]))).toContain(
      '--set tasks[1].data.x=2: tasks[1].data.x: tasks[1].data may come from another map by "<<": set it as a whole.',
    );
  });

  it.each([
    // What is in the file, and the message for it.
    [
      `${valid}steps: 10\n\noptimizer:\n\n  name: adagard\n`,
      'e.yaml:7:3: optimizer.name: unknown optimizer "adagard"; did you mean "adagrad"? Known: adam, adagrad, sgd.',
    ],
    [
      `${valid}optimizer:\n  momentum: 0.5\n`,
      "e.yaml:3:1: optimizer.name: missing; expected one of adam, adagrad, sgd",
    ],
    [
      `${valid}optimizer: {name: sgd, momentun: 0.9}\n`,
      'e.yaml:3:24: optimizer.momentun: unknown key; did you mean "momentum"? Known: name, momentum.',
    ],
    [`${valid}runtime: wasm\n`, 'e.yaml:3:1: runtime: unknown runtime "wasm". Known: javascript, onnx.'],
    [
      `${valid}learning_rate: 3\n`,
      'e.yaml:3:1: learning_rate: unknown key; did you mean "learningRate"? Known: name, steps, learningRate, optimizer, runtime, teleports, tasks, data.',
    ],
    [`${valid}steps: -5\n`, "e.yaml:3:1: steps: expected an integer >= 1; got -5"],
    [`${valid}steps: 1.5\n`, "e.yaml:3:1: steps: expected an integer >= 1; got 1.5"],
    [`${valid}steps: many\n`, 'e.yaml:3:1: steps: expected an integer >= 1; got "many"'],
    [`${valid}steps:\n`, "e.yaml:3:1: steps: expected an integer >= 1; got null"],
    ["name: toy\nlearningRate: .nan\n", "e.yaml:2:1: learningRate: expected a number > 0; got NaN"],
    ["name: toy\nlearningRate: 0\n", "e.yaml:2:1: learningRate: expected a number > 0; got 0"],
    ["name: toy\nlearningRate: [1, 2]\n", "e.yaml:2:1: learningRate: expected a number > 0; got [1,2]"],
    ["name: toy\n", "e.yaml:1:1: learningRate: missing; expected a number > 0"],
    [`name: ""\nlearningRate: 1\n`, 'e.yaml:1:1: name: expected text that is not empty; got ""'],
    [
      `${valid}optimizer: {name: sgd, momentum: 1}\n`,
      "e.yaml:3:24: optimizer.momentum: expected a number >= 0 and < 1; got 1",
    ],
    [
      `${valid}optimizer:\n  name: adam\n  betas: [0.9]\n`,
      "e.yaml:5:3: optimizer.betas: expected a list of 2; got [0.9]",
    ],
    [
      `${valid}tasks:\n  - name: a\n  - name: b\n    weight: heavy\n`,
      'e.yaml:6:5: tasks[1].weight: expected a number; got "heavy"',
    ],
    [`${valid}tasks:\n  - name: a\n  - 5\n`, "e.yaml:5:5: tasks[1]: expected a map of keys; got 5"],
    [
      `${valid}teleports: allways\n`,
      'e.yaml:3:1: teleports: unknown value "allways"; did you mean "always"? Known: none, always.',
    ],
    [`${valid}teleports:\n  at: [1, -2]\n`, "e.yaml:4:11: teleports.at[1]: expected an integer >= 0; got -2"],
    [`${valid}teleports: 7\n`, "e.yaml:3:1: teleports: expected one of none, always or a map of keys; got 7"],
    [`${valid}data: {a: x}\n`, 'e.yaml:3:8: data.a: expected a number; got "x"'],
    ["", "e.yaml:1:1: expected a map of keys; got null"],
    [
      `${valid}null: 3\n`,
      'e.yaml:3:1: unknown key "". Known: name, steps, learningRate, optimizer, runtime, teleports, tasks, data.',
    ],
    ["- a\n", 'e.yaml:1:1: expected a map of keys; got ["a"]'],
    ["just text\n", 'e.yaml:1:1: expected a map of keys; got "just text"'],
  ])("says what is wrong in %j", (text, message) => {
    expect(messageOf(() => parse(text))).toBe(message);
  });

  it.each([
    ["name: toy\nname: again\n", /^e\.yaml:2:1: Map keys must be unique\.$/],
    ["name: [a, b\nsteps: 1\n", /^e\.yaml:2:1: .+\.$/],
    ["name: 'toy\n", /^e\.yaml:\d+:\d+: .+\.$/],
    ["a: b: c\n", /^e\.yaml:1:4: .+\.$/],
    ["\tname: toy\n", /^e\.yaml:1:1: .*[Tt]abs.*\.$/],
    ["name: toy\n---\nname: toy\n", /^e\.yaml:2:1: expected one document; this line begins another\.$/],
    ["name: caf\ufffd\n", /^e\.yaml:1:10: a letter is not in UTF-8\..*latin1/],
    ["name: *missing\n", /missing\.?$/],
  ])("says where %j is no YAML", (text, message) => {
    const text_ = messageOf(() => parse(text)).split("\n")[0];
    expect(text_).toMatch(message);
  });

  it("tells everything that is wrong at once, in the order of the file", () => {
    const text = "stepz: 1\nlearningRate: -1\nname: 5\noptimizer:\n  name: adm\n";
    expect(messageOf(() => parse(text, ["runtime=onxx"])).split("\n")).toEqual([
      expect.stringContaining('e.yaml:1:1: stepz: unknown key; did you mean "steps"?'),
      "e.yaml:2:1: learningRate: expected a number > 0; got -1",
      "e.yaml:3:1: name: expected text; got 5",
      'e.yaml:5:3: optimizer.name: unknown optimizer "adm"; did you mean "adam"? Known: adam, adagrad, sgd.',
      '--set runtime=onxx: runtime: unknown runtime "onxx"; did you mean "onnx"? Known: javascript, onnx.',
    ]);
  });
});

describe("an unknown key", () => {
  const stray = (text: string, set: readonly string[] = []) => messageOf(() => parse(text, set)).split("\n");

  it("comes before the key that is missing for it", () => {
    expect(stray("# a comment\nname: toy\nsteps: -1\nlearning_rate: 1\n")).toEqual([
      "e.yaml:3:1: steps: expected an integer >= 1; got -1",
      expect.stringContaining('e.yaml:4:1: learning_rate: unknown key; did you mean "learningRate"?'),
      "e.yaml:1:1: learningRate: missing; expected a number > 0",
    ]);
    expect(stray("name: toy\n", ["learningrate=1"])).toEqual([
      expect.stringContaining(
        '--set learningrate=1: learningrate: unknown key; did you mean "learningRate"?',
      ),
      "e.yaml:1:1: learningRate: missing; expected a number > 0",
    ]);
    const tasks = stray(`${valid}tasks:\n  - nmae: a\n  - name: b\n    wieght: 1\n`);
    expect(tasks.map((line) => line.slice(0, line.indexOf(";")))).toEqual([
      "e.yaml:4:5: tasks[0].nmae: unknown key",
      "e.yaml:4:5: tasks[0].name: missing",
      "e.yaml:6:5: tasks[1].wieght: unknown key",
    ]);
  });

  it("is told where it was to choose among alternatives", () => {
    expect(stray(`${valid}optimizer: { nam: sgd, betas: [0.9, 0.99] }\n`)).toEqual([
      'e.yaml:3:14: optimizer.nam: unknown key; did you mean "name"? Known: name, betas, momentum.',
      "e.yaml:3:1: optimizer.name: missing; expected one of adam, adagrad, sgd",
    ]);
    const either = z.strictObject({ kind: z.union([z.enum(["sgd"]), optimizer]) });
    const take = (text: string) => () => parseConfig(text, { schema: either, file: "e.yaml" });
    expect(messageOf(take("kind: { nam: sgd }\n")).split("\n")).toEqual([
      'e.yaml:1:9: kind.nam: unknown key; did you mean "name"? Known: name, betas, momentum.',
      "e.yaml:1:1: kind.name: missing; expected one of adam, adagrad, sgd",
    ]);
    expect(messageOf(take("\nkin: sgd\n")).split("\n")).toEqual([
      'e.yaml:2:1: kin: unknown key; did you mean "kind"? Known: kind.',
      "e.yaml:1:1: kind: missing; expected sgd or a map of keys",
    ]);
  });

  it("is told by the alternative that has the other keys", () => {
    const when = z.union([
      z.strictObject({ atSteps: z.array(z.int()), from: z.int().optional() }),
      z.strictObject({ inEpochs: z.array(z.int()), batches: z.int().optional() }),
    ]);
    const take = () => parseConfig("inepochs: [1]\nbatches: 8\n", { schema: when, file: "e.yaml" });
    expect(messageOf(take).split("\n")).toEqual([
      'e.yaml:1:1: inepochs: unknown key; did you mean "inEpochs"? Known: atSteps, from, inEpochs, batches.',
      "e.yaml:1:1: inEpochs: missing; expected a list",
    ]);
    const empty = () => parseConfig("{}", { schema: when, file: "e.yaml" });
    expect(messageOf(empty)).toBe("e.yaml:1:1: expected a map with one of atSteps, inEpochs; got {}");
  });

  it("is told by what a choice needs that was written by its name alone", () => {
    const mlp = z.strictObject({ size: z.int(), seed: z.int().optional(), name: z.literal("mlp") });
    const model = z
      .union([z.enum(["convnet"]), z.discriminatedUnion("name", [mlp])])
      .meta({ title: "model" });
    const take = (name: string) => () =>
      parseConfig(`model: ${name}\n`, { schema: z.strictObject({ model }), file: "e.yaml" });
    expect(messageOf(take("mlp"))).toBe('e.yaml:1:1: model: "mlp" needs options: { name: mlp, size: ... }');
    expect(messageOf(take("mpl"))).toBe(
      'e.yaml:1:1: model: unknown model "mpl"; did you mean "mlp"? Known: mlp, convnet.',
    );
  });

  it("comes first for data that a program has read, too", () => {
    const check = () => checkConfig({ name: "toy", learningrate: 1 }, { schema, file: "e.json" });
    expect(messageOf(check).split("\n")).toEqual([
      expect.stringContaining("e.json: learningrate: unknown key"),
      "e.json: learningRate: missing; expected a number > 0",
    ]);
  });
});

describe("overrides", () => {
  it("replace and add values, typed as YAML", () => {
    const config = parse(`${valid}tasks: [{name: a}]\n`, [
      "steps=7",
      "optimizer.name=adam",
      "optimizer.betas=[0.8, 0.9]",
      "tasks[0].weight=2.5",
      "tasks.1.name=b=c",
      "data.x=1e2",
      'name="12"',
    ]);
    expect(config).toMatchObject({
      name: "12",
      steps: 7,
      optimizer: { name: "adam", betas: [0.8, 0.9] },
      tasks: [{ name: "a", weight: 2.5 }, { name: "b=c" }],
      data: { x: 100 },
    });
  });

  it("apply in order, and take the file's place in messages", () => {
    expect(parse(valid, ["steps=7", "steps=8"]).steps).toBe(8);
    expect(messageOf(() => parse(`${valid}steps: 5\n`, ["steps=no"]))).toBe(
      '--set steps=no: steps: expected an integer >= 1; got "no"',
    );
    expect(messageOf(() => parse(valid, ["optimizer={name: sgd, momentum: 2}"]))).toBe(
      "--set optimizer={name: sgd, momentum: 2}: optimizer.momentum: expected a number >= 0 and < 1; got 2",
    );
    expect(messageOf(() => parse(valid, ["optimzer.name=sgd"]))).toContain(
      '--set optimzer.name=sgd: optimzer: unknown key; did you mean "optimizer"?',
    );
  });

  it("are named where they made a map that lacks a key", () => {
    expect(messageOf(() => parse(valid, ["steps=3", "optimizer.momentum=0.5"]))).toBe(
      "--set optimizer.momentum=0.5: optimizer.name: missing; expected one of adam, adagrad, sgd",
    );
  });

  it("give options to what is named in short", () => {
    const named = z.strictObject({
      kind: z.union([z.enum(["adam", "sgd"]).transform((name) => ({ name })), optimizer]),
      other: z.record(z.string(), z.strictObject({ kind: z.union([z.enum(["sgd"]), optimizer]) })).optional(),
      plain: z.string().optional(),
    });
    const take = (text: string, ...set: string[]) =>
      parseConfig(text, { schema: named, set, file: "e.yaml" });
    expect(take("kind: sgd", "kind.momentum=0.5").kind).toEqual({ name: "sgd", momentum: 0.5 });
    expect(take("kind: sgd\nother: { a: { kind: sgd } }", "other.a.kind.momentum=0.5").other).toEqual({
      a: { kind: { name: "sgd", momentum: 0.5 } },
    });
    expect(messageOf(() => take("kind: sgd\nplain: sgd", "plain.momentum=1"))).toContain(
      'plain is "sgd", which has no keys',
    );
    expect(messageOf(() => take("kind: adam", "kind.momentum=1"))).toContain("kind.momentum: unknown key");
  });

  it("reach keys with points, the longest that there is", () => {
    const schema = z.record(z.string(), z.any());
    const take = (text: string, ...set: string[]) => parseConfig(text, { schema, set, file: "e.yaml" });
    const text = "p:\n  a: { x: 1 }\n  a.b: { x: 1 }\n  a.b[1]: { x: 1 }\n";
    expect(take(text, "p.a.b.x=2", "p.a.b[1].x=3", "p.a.x=4", "p.a.c=5").p).toEqual({
      a: { x: 4, c: 5 },
      "a.b": { x: 2 },
      "a.b[1]": { x: 3 },
    });
    expect(take(text, "p.a.b=null").p).toMatchObject({ a: { x: 1 }, "a.b": null });
  });

  it("fill an empty document", () => {
    expect(parse("", ["name=a", "learningRate=1"]).name).toBe("a");
    expect(parse(`${valid}data:\n`, ["data.a=1"]).data).toEqual({ a: 1 });
  });

  it("say that there is no place for them", () => {
    expect(messageOf(() => parse("just text", ["name=a"]))).toContain(
      '--set name=a: name: the config is "just text", which has no keys.',
    );
    expect(messageOf(() => parse("[1]", ["name=a"]))).toContain(
      '--set name=a: name: "name" is not an index of the config, a list, whose length is 1; indices start at 0.',
    );
    expect(messageOf(() => parse(`${valid}data: &d {a: 1}\ntasks: *d\n`, ["tasks.a=1"]))).toContain(
      "--set tasks.a=1: tasks.a: tasks is a reference to another value, which has no keys.",
    );
  });

  it.each([
    ["steps", "--set steps: expected path=value, such as optimizer.learningRate=0.1."],
    ["=5", "--set =5: expected path=value, such as optimizer.learningRate=0.1."],
    ["a..b=5", "--set a..b=5: expected path=value, such as optimizer.learningRate=0.1."],
    [
      "tasks.2.name=x",
      '--set tasks.2.name=x: tasks.2.name: "2" is not an index of the list tasks, whose length is 1; indices start at 0.',
    ],
    [
      "tasks.a=x",
      '--set tasks.a=x: tasks.a: "a" is not an index of the list tasks, whose length is 1; indices start at 0.',
    ],
    ["name.first=x", '--set name.first=x: name.first: name is "toy", which has no keys.'],
    ["name=*x", "--set name=*x: name: the value is a reference; quote text that begins with *."],
    ["steps=[1", /^--set steps=\[1: steps: the value is not YAML: .+\.$/],
  ])("refuse %j", (set, message) => {
    const text = messageOf(() => parse(`${valid}tasks: [{name: a}]\n`, [set]));
    if (typeof message === "string") expect(text).toBe(message);
    else expect(text).toMatch(message);
  });
});

describe("loadConfig", () => {
  it("reads a file, and says that it is missing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "isoloss-config-"));
    try {
      const path = join(folder, "a.yaml");
      await writeFile(path, valid);
      expect((await loadConfig(path, { schema })).name).toBe("toy");
      await expect(loadConfig(join(folder, "b.yaml"), { schema })).rejects.toThrow(
        new DataError(`Cannot read the config ${join(folder, "b.yaml")}: no such file or directory.`),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("configJsonSchema", () => {
  it("describes what a user may write: defaults are not required", () => {
    const json = configJsonSchema(schema, { title: "Experiment" });
    expect(json).toMatchObject({
      $schema: "http://json-schema.org/draft-07/schema#",
      title: "Experiment",
      type: "object",
      required: ["name", "learningRate"],
      additionalProperties: false,
      properties: { runtime: { enum: ["javascript", "onnx"], default: "javascript" } },
    });
  });
});

describe("any input", () => {
  /** Values that YAML files hold where nobody expects them. */
  const odd = fc.oneof(
    fc.constantFrom(
      "~",
      "[]",
      "{}",
      "*a",
      "&a x",
      "!!binary x",
      "<<",
      "__proto__",
      "constructor",
      ".inf",
      "0x1",
      "- 1",
    ),
    fc.string({ maxLength: 6 }),
    fc.integer().map(String),
  );
  const key = fc.oneof(
    fc.constantFrom("name", "steps", "optimizer", "teleports", "tasks", "data", "learningRate"),
    odd,
  );
  const line = fc
    .tuple(fc.constantFrom("", "  ", "- ", "  - "), key, odd)
    .map(([a, k, v]) => `${a}${k}: ${v}\n`);

  it("gives a config or says what is wrong, and where", () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 6 }),
        fc.array(fc.tuple(key, odd), { maxLength: 2 }),
        (text, set) => {
          const action = () =>
            parse(
              text.join(""),
              set.map(([k, v]) => `${k}=${v}`),
            );
          try {
            action();
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
            const { issues } = error as ConfigError;
            expect(issues.length).toBeGreaterThan(0);
            for (const { where, message } of issues) {
              expect(where).toMatch(/^(e\.yaml(:\d+:\d+)?$|--set )/);
              expect(message.length).toBeGreaterThan(3);
            }
          }
        },
      ),
      { numRuns: randomCases(1000) },
    );
  });
});
