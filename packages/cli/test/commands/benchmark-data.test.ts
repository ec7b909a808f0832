import { describe, expect, it } from "vitest";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

interface Verified {
  readonly name: string;
  readonly parts: Readonly<Record<string, { examples: number; arrays: Record<string, { shape: number[] }> }>>;
}

describe("isoloss data", () => {
  it("writes a small set in the form of a published one, and verifies it", async () => {
    const { stdout } = await bench.run("data", "sample", "cityscapes", "small", "--size", "32x32");
    expect(stdout).toBe(
      "24 files in the form of CityScapes, of formulas, are in small.\nisoloss data verify cityscapes small --part\n",
    );
    const { stdout: text } = await bench.run("data", "verify", "cityscapes", "small", "--part");
    expect(text).toMatch(/^CityScapes: all files are as they should be\.\n {2}train: 4 examples\n/);
    expect(text).toContain("    depth: float32 [1, 32, 32], from 0 to 0.4\n");
    const { name, parts } = await bench.json<Verified>(
      ...["data", "verify", "cityscapes", "small", "--part", "--json"],
    );
    expect([name, parts.test.examples, parts.test.arrays.semantic.shape]).toEqual([
      "cityscapes",
      4,
      [32, 32],
    ]);
  });

  it("fails where examples are missing, unless the folder may be a part", async () => {
    await bench.run("data", "sample", "nyuv2", "few", "--examples", "1");
    const { status, stderr } = await bench.run("data", "verify", "nyuv2", "few");
    expect(status).toBe(1);
    expect(stderr).toMatch(/NYUv2 has 795 train, 654 test; here are 1 train, 1 test\. .*--part/);
  });

  it("says how a folder must look and where the data are had", async () => {
    const { status, stderr } = await bench.run("data", "verify", "nyuv2", "nowhere");
    expect(status).toBe(1);
    expect(stderr).toContain("there is no train/image.");
    expect(stderr).toContain(
      "\n  train/normal/0.npy, ...          vectors of length 1 [height, width, 3], or 0\n",
    );
    expect(stderr).toContain(
      "Where to get it: the link to preprocessed data in the README of github.com/lorenmt/mtan",
    );
  });

  it("lists them, with their licenses", async () => {
    const { benchmarks } = await bench.json<{ benchmarks: { name: string; license: string }[] }>(
      ...["data", "list", "--directory", ".", "--json"],
    );
    expect(benchmarks.find(({ name }) => name === "nyuv2")?.license).toBe("NYUv2 is for research");
  });

  it.each([
    ["data verify cityscapes", "give the folder, too: isoloss data verify cityscapes DIR", 2],
    [
      "data verify cityscapes DIR --directory x",
      "folder without --directory: isoloss data verify cityscapes DIR",
      2,
    ],
    ["data verify digits x", "digits takes no DIR: give its folder by --directory x.", 2],
    ["data fetch mnist x", "data fetch: mnist takes no DIR: give its folder by --directory x.", 2],
    ["data sample qm9 here --size 8x8", "--size is for cityscapes and nyuv2; got qm9.", 2],
    ["data verify mnist --directory none", "or download them: isoloss data fetch, in code download: true", 1],
    ["data sample", "samples are of cityscapes, nyuv2", 2],
    ["data sample digits here", '; got "digits"', 2],
    ["data sample cityscapes here --size 32", "a height and a width such as 224x224", 2],
    ["data sample cityscapes here --examples 0", "at least 1", 2],
    ["data fetch nyuv2", "NYUv2 cannot be fetched by a program: NYUv2 is for research", 2],
    ["data verify cityscape", 'did you mean "cityscapes"?', 2],
  ])("%s: %s", async (command, message, code) => {
    const { status, stderr } = await bench.run(...command.split(" "));
    expect(stderr).toContain(message);
    expect(status).toBe(code);
  });
});
