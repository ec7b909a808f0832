import fc from "fast-check";
import { themeOf } from "isoloss-figures/base";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { drawGraph, type GraphContext, nodeAt } from "../../src/screens/model/graph-drawing.js";
import { layOut, segmentsOf } from "../../src/screens/model/layout.js";
import { legsOf } from "../../src/screens/model/legs.js";
import { Session } from "../../src/screens/model/session.js";
import { defaults, printModel, readModel, sampleNames } from "../../src/screens/model/state.js";
import { driftText, withPowers } from "../../src/screens/model/words.js";
import { chain, fileOf, files, node } from "./model-files.js";

const graphs = Object.entries(files).map(([name, make]) => [name, new Session(make()).graph] as const);

/** Those that are too long for one column. */
const wrapped = ["attention lr", "U-Net lr", "RMSNorm transformer lr"];

describe("the graph of a model", () => {
  it("has operators, inputs and outputs as nodes, and weights as their tags", () => {
    const { nodes, edges } = new Session(files.mlp()).graph;
    expect(nodes.map(({ kind, op, type }) => `${kind} ${op} ${type}`.trim())).toEqual([
      "input input float32[batch, 8]",
      "operator Gemm",
      "operator LeakyRelu",
      "operator Gemm",
      "output output float32[batch, 4]",
    ]);
    expect(nodes[1].weights).toEqual([
      { name: "layers.0.weight", shape: "16 x 8", isParameter: true },
      { name: "layers.0.bias", shape: "16", isParameter: true },
    ]);
    expect(edges.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(nodes[2].inputs[0].nodes).toEqual([1]);
    expect(nodes[2].outputs[0].nodes).toEqual([3]);
  });

  it.each(sampledRows(graphs))(
    "is laid out without nodes on each other, along its direction: %s",
    (name, graph) => {
      for (const direction of ["tb", "lr"] as const) {
        const { width, height, boxes, lines } = layOut(graph, direction);
        expect(boxes).toHaveLength(graph.nodes.length);
        expect(lines).toHaveLength(graph.edges.length);
        for (const { x, y, width: w, height: h } of boxes) {
          expect(x - w / 2).toBeGreaterThanOrEqual(0);
          expect(x + w / 2).toBeLessThanOrEqual(width);
          expect(y - h / 2).toBeGreaterThanOrEqual(0);
          expect(y + h / 2).toBeLessThanOrEqual(height);
        }
        const onEachOther = boxes.flatMap((a, i) =>
          boxes
            .slice(i + 1)
            .filter(
              (b) =>
                2 * Math.abs(a.x - b.x) < a.width + b.width - 1 &&
                2 * Math.abs(a.y - b.y) < a.height + b.height - 1,
            ),
        );
        expect(onEachOther).toEqual([]);
        const acrossBack: number[] = [];
        for (const [i, { from, to }] of graph.edges.entries()) {
          expect(lines[i].every(Number.isFinite)).toBe(true);
          const [right, down] = [boxes[to].x - boxes[from].x, boxes[to].y - boxes[from].y];
          const [along, across] = direction === "tb" ? [down, right] : [right, down];
          if (along <= 0) acrossBack.push(across);
        }
        // Back are only edges that go on in a later column.
        expect(acrossBack.length > 0).toBe(wrapped.includes(`${name} ${direction}`));
        expect(Math.min(...acrossBack)).toBeGreaterThan(100);
      }
    },
  );

  it.each(["tb", "lr"] as const)(
    "is wrapped into columns where it is long, with nodes beside each other: %s",
    (direction) => {
      const { graph } = new Session(chain(300));
      const { width, height, boxes, lines } = layOut(graph, direction);
      expect(Math.max(width / height, height / width)).toBeLessThan(3);
      const isInside = (x: number, y: number) => x >= 0 && x <= width && y >= 0 && y <= height;
      for (const { x, y } of boxes) expect(isInside(x, y)).toBe(true);
      for (const [i, { from, to }] of graph.edges.entries()) {
        const line = lines[i];
        for (let k = 0; k < line.length; k += 2) expect(isInside(line[k], line[k + 1])).toBe(true);
        // Each line begins and ends at its nodes.
        for (const [box, k] of [
          [boxes[from], 0],
          [boxes[to], line.length - 2],
        ] as const) {
          expect(Math.abs(line[k] - box.x)).toBeLessThanOrEqual(box.width / 2 + 1);
          expect(Math.abs(line[k + 1] - box.y)).toBeLessThanOrEqual(box.height / 2 + 1);
        }
      }
      const columns = new Set(boxes.map(({ x, y }) => Math.round(direction === "tb" ? x : y)));
      expect(columns.size).toBeGreaterThan(3);
    },
  );

  it("is cut where one node connects all before it with all behind it", () => {
    // A chain with a way around every node but each fourth.
    const nodes = Array.from({ length: 200 }, (_, k) => {
      if (k === 0) return node("MatMul", ["x", "w"], "v0");
      return k % 4 === 0
        ? node("Add", [`v${k - 1}`, `v${k - 4}`], `v${k}`)
        : node("Relu", [`v${k - 1}`], `v${k}`);
    });
    const { graph } = new Session(fileOf(nodes));
    const parts = segmentsOf(graph);
    expect(parts.length).toBeGreaterThan(3);
    for (const [k, part] of parts.entries()) {
      if (k > 0) expect(part[0]).toBe(parts[k - 1].at(-1));
      // Node 0 is the input: v0 is node 1.
      if (k < parts.length - 1) expect(((part.at(-1) as number) - 1) % 4).toBe(0);
    }
    expect(new Set(parts.flat()).size).toBe(graph.nodes.length);
    const inside = new Set(parts.map((part) => new Set(part)));
    for (const { from, to } of graph.edges) {
      expect([...inside].some((part) => part.has(from) && part.has(to))).toBe(true);
    }
  });

  it("has the nodes that a group touches, and those between them", async () => {
    const session = new Session(files.convnet());
    const { groups } = await session.find();
    const { nodes, between } = legsOf(session.graph, groups[0]);
    const ops = (ids: Iterable<number>) => [...ids].map((id) => session.graph.nodes[id].op);
    expect(ops(between)).toEqual(["Conv", "Conv", "MaxPool", "Relu"]);
    expect([...nodes.values()].flat().map(({ parameter, label }) => `${parameter} ${label}`)).toEqual([
      "convs.0.weight × c",
      "convs.0.bias × c",
      "convs.1.weight ÷ c",
    ]);
  });

  it("is drawn as far as it is seen, and its nodes are found where they are", () => {
    const { graph } = new Session(chain(60));
    const layout = layOut(graph, "tb");
    const texts: string[] = [];
    const context = new Proxy({} as GraphContext, {
      get: (_, name) =>
        name === "measureText"
          ? () => ({ width: 20 })
          : (text: string) => name === "fillText" && texts.push(text),
      set: () => true,
    });
    const view = { left: 0, top: 0, zoom: 1 };
    const marks = { legs: undefined, selected: undefined, matches: new Set<number>() };
    drawGraph(context, graph, layout, view, { width: 600, height: 300 }, themeOf("light"), marks);
    expect(texts.length).toBeGreaterThan(3);
    expect(texts.length).toBeLessThan(12);
    const [first] = layout.boxes;
    expect(nodeAt(layout, view, first.x, first.y)).toBe(0);
    expect(nodeAt(layout, { left: 10, top: 20, zoom: 0.5 }, first.x / 2 - 10, first.y / 2 - 20)).toBe(0);
    expect(nodeAt(layout, view, 1, 1)).toBeUndefined();
  });
});

describe("the settings and words of the model screen", () => {
  it("are in the address, which never throws", () => {
    const states = fc.record({
      sample: fc.constantFrom(...sampleNames),
      dir: fc.constantFrom("tb" as const, "lr" as const),
      wheel: fc.constantFrom("scroll" as const, "zoom" as const),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    fc.assert(
      fc.property(states, (state) => {
        expect(readModel(printModel(state))).toEqual({ state, notices: [] });
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void readModel(text)));
    expect(printModel(defaults)).toBe("");
    expect(readModel("sample=bert&dir=lr").notices).toEqual([
      "sample=bert is not one of mlp, convnet, attention: not taken.",
    ]);
  });

  it("say powers and differences", () => {
    expect(withPowers("10^21 orders and c^2")).toBe("10²¹ orders and c²");
    expect([0, 6.04e-8, 0.5, 12, Number.POSITIVE_INFINITY].map(driftText)).toEqual([
      "0",
      "6.0e-8",
      "0.50",
      "12",
      "not finite",
    ]);
  });
});
