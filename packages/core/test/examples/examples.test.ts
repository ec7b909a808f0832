import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeModel } from "../../src/runtime/onnx/codec.js";
import { expectPromises, files, folder, promises, slow } from "./examples-support.js";

describe("the examples", () => {
  it("are all in the list of examples", () => {
    const list = readFileSync(new URL("README.md", folder), "utf8");
    expect(files.filter((name) => !list.includes(`(${name})`))).toEqual([]);
  });

  it("each have their promises", () => {
    expect(Object.keys(promises)).toEqual(files);
  });

  const work = expectPromises(files.filter((name) => !slow.includes(name)));

  it("leave an ONNX file that takes images and holds its parameters", () => {
    const { inputs, initializers } = decodeModel(readFileSync(join(work(), "out/digits.onnx"))).graph;
    expect(inputs.map(({ name }) => name)).toEqual(["images"]);
    const sizes = (initializers ?? []).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(sizes).toEqual(expect.arrayContaining([64 * 32, 32, 32 * 10, 10]));
  });
});
