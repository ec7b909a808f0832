import { OptionError } from "isoloss";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig } from "../../../src/config/load.js";
import { resolveExperiment, runConfig } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema, seedsOf } from "../../../src/experiments/definition/schema.js";

const parse = (text: string) => parseConfig(text, { schema: experimentSchema, file: "x.yaml" });

const text = `name: x
kind: train
data: digits
model: { name: mlp, sizes: [64, 10] }
optimizer: sgd
learningRate: 0.1
batchSize: 20
epochs: 5
seeds: 2..4
variants:
  plain: {}
  short: { steps: 7, optimizer: { name: adam, epsilon: 1.0e-7 } }
quick: { epochs: 1, seeds: [9], variants: [plain] }
expected:
  - { path: loss.last, value: 1, source: a }
  - { path: loss.last, value: 2, source: b, quick: true }
`;

describe("experimentSchema", () => {
  it("takes adaptive clipping, with its options", () => {
    const adaptiveClip = (value: string) =>
      parse(text.replace("epochs: 5", `epochs: 5\nadaptiveClip: ${value}`));
    expect(
      resolveExperiment(adaptiveClip("{ limit: 0.02, exclude: [layers.0] }")).variants[0].settings,
    ).toMatchObject({
      adaptiveClip: { limit: 0.02, exclude: ["layers.0"] },
    });
    expect(() => adaptiveClip("{ limit: 0 }")).toThrow(/limit/);
  });
});

describe("resolveExperiment", () => {
  it("gives each variant the settings that it changes, and leaves the others", () => {
    const { variants, seeds, expected } = resolveExperiment(parse(text));
    expect(seeds).toEqual([2, 3, 4]);
    expect(variants.map(({ name }) => name)).toEqual(["plain", "short"]);
    expect(variants[0].settings).toMatchObject({ epochs: 5, optimizer: { name: "sgd" } });
    expect(variants[1].settings).toMatchObject({ steps: 7, optimizer: { name: "adam", epsilon: 1e-7 } });
    expect(variants[1].settings).not.toHaveProperty("epochs");
    expect(variants[1].settings).not.toHaveProperty("seeds");
    expect(expected).toHaveLength(2);
  });

  it("takes the small settings and what holds for them with quick", () => {
    const { variants, seeds, expected } = resolveExperiment(parse(text), { quick: true });
    expect([variants.map(({ name }) => name), seeds]).toEqual([["plain"], [9]]);
    expect(variants[0].settings).toMatchObject({ epochs: 1 });
    expect(expected.map(({ source }) => source)).toEqual(["b"]);
  });

  it("prefers what the command line asks for", () => {
    const { variants, seeds } = resolveExperiment(parse(text), {
      seeds: [0],
      variants: ["short"],
      quick: true,
    });
    expect([variants.map(({ name }) => name), seeds]).toEqual([["short"], [0]]);
    expect(() => resolveExperiment(parse(text), { variants: ["shrot"] })).toThrow(/did you mean "short"/);
    expect(() => resolveExperiment(parse(text), { variants: ["shrot"] })).toThrow(OptionError);
  });

  it("calls the only way of an experiment without variants run", () => {
    const { variants } = resolveExperiment(
      parse(text.replace(/variants:\n(.*\n){2}/, "").replace(/^quick.*\n/m, "")),
    );
    expect(variants.map(({ name }) => name)).toEqual(["run"]);
  });

  it("refuses roles beside what nothing is compared with", () => {
    const withRoles = (more: string) =>
      resolveExperiment(parse(`${text}roles: { plain: { short: ceiling } }\n${more}`));
    expect(() => withRoles("")).toThrow(/^roles: nothing is compared with "plain"/);
    const rates = "grid: [0.1], tune: [0], confirm: [1]";
    expect(() => withRoles(`rates: { baseline: short, ${rates} }`)).toThrow(/one of the baselines short\.$/);
    expect(withRoles(`rates: { ${rates} }`).roles).toEqual({ plain: { short: "ceiling" } });
  });

  it("shows the new form of the key controls", () => {
    expect(() => parse(`${text}controls: { plain: [short] }\n`)).toThrow(
      "controls: is now roles: { BASELINE: { VARIANT: control } }.",
    );
  });

  it("refuses roles that a kind does not judge, and knows the controls of COST", () => {
    const toy = (roles: string) =>
      resolveExperiment(
        parse(`name: toy
kind: multi-task
problem: toy
method: linearScalarization
optimizer: adam
learningRate: 0.01
steps: 10
variants:
  LS: {}
  COST: { cost: default }
  random: { cost: { control: random } }
  fast: { learningRate: 0.1 }
${roles}`),
      ).roles;
    expect(toy("")).toEqual({ LS: { random: "control" } });
    expect(toy("roles: { LS: { fast: alternative } }")).toEqual({
      LS: { random: "control", fast: "alternative" },
    });
    expect(() => toy("roles: { fast: { LS: control } }")).toThrow(
      'roles: nothing is compared with "fast"; expected { BASELINE: { VARIANT: ROLE, .. } } with one of the baselines LS.',
    );
    const pruned = (steps: number) =>
      resolveExperiment(
        parse(`name: pruned
kind: continue
data: digits
model: { name: mlp, sizes: [64, 10] }
optimizer: sgd
learningRate: 0.1
batchSize: 50
steps: ${steps}
variants:
  magnitude: { start: [{ name: prune, fraction: 0.5 }] }
  balanced: { start: [balance, { name: prune, fraction: 0.5 }] }
  LAMP: { start: [{ name: prune, fraction: 0.5, by: lamp }] }
roles: { magnitude: { LAMP: alternative } }`),
      ).roles;
    expect(pruned(0)).toEqual({ magnitude: { LAMP: "alternative" } });
    expect(() => pruned(5)).toThrow(/^roles: nothing is compared with "magnitude"; compare .* rates\.$/);
  });

  it("makes configs of single runs that are experiments of one run, for good", () => {
    const resolved = resolveExperiment(parse(text));
    const config = runConfig(resolved, resolved.variants[1], 3);
    const again = resolveExperiment(parse(stringify(config)));
    expect([again.seeds, again.variants]).toEqual([[3], [resolved.variants[1]]]);
    expect(runConfig(again, again.variants[0], 3)).toEqual(config);
  });
});

describe("seedsOf", () => {
  it("reads ranges with both ends, and says what is wrong with others", () => {
    expect(seedsOf("3..5")).toEqual([3, 4, 5]);
    expect(seedsOf("7..7")).toEqual([7]);
    expect(seedsOf([2, 0])).toEqual([2, 0]);
    for (const wrong of ["5..3", "0..10000", "a..b", "1.5..2", "0..99999999999999999999"]) {
      expect(seedsOf(wrong)).toHaveProperty("wrong");
    }
  });
});
