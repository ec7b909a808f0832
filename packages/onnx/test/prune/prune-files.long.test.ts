import { decodeModel } from "isoloss/onnx";
import { pruneUnits } from "isoloss-onnx";
import { describe, expect, it } from "vitest";
import { mobileNetV2 } from "../model-file/mobilenet.js";
import { randomFile } from "../model-file/random-file.js";
import { expectRuns, image } from "./prune-files-support.js";

const groupsOf = (bytes: Uint8Array) =>
  decodeModel(bytes).graph.nodes.flatMap(({ attributes: { group } }) =>
    group?.kind === "int" && group.value > 1 ? [group.value] : [],
  );

describe("pruned units of a file", () => {
  it("go through residual groups and depthwise convolutions, whose number of groups shrinks", async () => {
    const before = mobileNetV2({ width: 0.1 });
    const { bytes, groups } = await pruneUnits(before, {
      fraction: 0.5,
      multiple: 1,
      sizes: { height: 32, width: 32 },
    });
    expect(groups.filter(({ reason }) => reason !== undefined)).toEqual([]);
    const [old, own] = [groupsOf(before), groupsOf(bytes)];
    expect(own).toEqual(old.map((g) => g - Math.floor(g / 2)).filter((g) => g > 1));
    expect(bytes.length).toBeLessThan(0.6 * before.length);
    await expectRuns(bytes, image(3, 32));
  });

  it("are the same to rounding as zeros, in random files", async () => {
    for (let seed = 0; seed < 12; seed++) {
      const before = randomFile(seed);
      // The check is part of pruneUnits: what it lets pass must run in ONNX Runtime, too.
      const { bytes, groups } = await pruneUnits(before, {
        fraction: 0.4,
        multiple: 1,
        sizes: { height: 8, width: 8 },
      });
      expect(groups.length, `file ${seed}`).toBeGreaterThan(0);
      await expectRuns(bytes, image(4));
    }
  });
});
