import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ndarray } from "isoloss";
import { type DataStream, encodeNpy } from "isoloss/data";
import { writeSample } from "isoloss-benchmarks/node";
import { afterAll, describe, expect, it } from "vitest";
import { benchmarkParts } from "../../../src/experiments/catalogue/benchmarks.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-benchmark-parts-"));
afterAll(() => rmSync(root, { recursive: true }));

/** The arrays of the first part of a stream. */
async function firstOf(data: unknown) {
  for await (const batch of (data as DataStream<never>).batches(0, 0))
    return batch as Record<string, { data: ArrayLike<number> }>;
  throw new Error("The stream is empty.");
}

describe("the data of a benchmark in a folder", () => {
  it("are whole, or a part where that is said", async () => {
    const folder = join(root, "cityscapes");
    await writeSample("cityscapes", folder, { examples: 2, size: [32, 64] });
    const name = "cityscapes" as const;
    await expect(benchmarkParts({ name, root: folder })).rejects.toThrow(
      "CityScapes has 2975 train, 500 test",
    );
    const depths = async (options: object) =>
      Array.from(
        (await firstOf((await benchmarkParts({ name, root: folder, part: true, ...options })).train)).depth
          ?.data ?? [],
      );
    const plain = await depths({ augment: false });
    expect(plain).toEqual(await depths({ augment: false, keep: true }));
    // Windows are the same; what their scale does to depth is not.
    const [divided, multiplied] = [await depths({}), await depths({ depthScale: "multiply" })];
    expect(divided).not.toEqual(multiplied);
    expect(divided.map((x) => x === 0)).toEqual(multiplied.map((x) => x === 0));
    const largest = Math.max(...plain);
    expect(Math.max(...divided)).toBeLessThanOrEqual(largest);
  });

  it("have another program's split of QM9", async () => {
    const folder = join(root, "qm9");
    await writeSample("qm9", folder, { examples: 20 });
    const order = join(root, "order.npy");
    // Two of the twenty are left out, and one is held for the test.
    const reversed = Array.from({ length: 18 }, (_, i) => BigInt(17 - i));
    writeFileSync(order, encodeNpy(ndarray(BigInt64Array.from(reversed), [18])));
    const muOf = async (part: unknown) => Array.from((await firstOf(part)).mu?.data ?? []);
    const given = await benchmarkParts({ name: "qm9", root: folder, part: true, order });
    const plain = ndarray(
      BigInt64Array.from({ length: 18 }, (_, i) => BigInt(i)),
      [18],
    );
    writeFileSync(join(root, "plain.npy"), encodeNpy(plain));
    const other = await benchmarkParts({
      name: "qm9",
      root: folder,
      part: true,
      order: join(root, "plain.npy"),
    });
    expect((await muOf(given.test)).length).toBe(1);
    expect(await muOf(given.test)).not.toEqual(await muOf(other.test));
    await expect(
      benchmarkParts({ name: "qm9", root: folder, part: true, order: join(root, "none.npy") }),
    ).rejects.toThrow(/Cannot read the order .*none\.npy/);
  });
});
