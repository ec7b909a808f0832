import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../../src/formats/json.js";
import { workbench } from "../../commands/support.js";

const bench = workbench({ isInProcess: true });

const config = (search: string) => `name: net
kind: train
data: { name: digits, limit: 100 }
model: { name: mlp, sizes: [64, 8, 10], activation: relu }
optimizer: { name: sgd, momentum: 0.9 }
learningRate: 0.1
batchSize: 20
steps: 5
teleport:
  when: { atSteps: [3] }
  search: ${search}
`;

describe("the search balance in YAML", () => {
  it.each(["{ name: balance }", "{ name: balance, by: range, symmetry: scaling, powersOfTwo: true }"])(
    "%s is taken though the gradient falls",
    async (search) => {
      bench.write("net.yaml", config(search));
      const { teleports } = await bench.json<RunDocument>("run", "net.yaml", "--json", "--quiet");
      expect(teleports).toHaveLength(1);
      expect(teleports[0]).toMatchObject({ step: 3, accepted: true });
      expect(teleports[0].drift).toBeLessThan(1e-5);
    },
  );

  it("refuses a symmetry that it cannot balance", async () => {
    bench.write(
      "net.yaml",
      config("{ name: balance, by: gradient, symmetry: hiddenAction }").replace("relu", "tanh"),
    );
    const { status, stderr } = await bench.run("run", "net.yaml", "--quiet");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/balance takes scalings, GL, and products of them/);
  });
});
