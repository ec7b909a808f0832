import { sampledRows } from "isoloss-test-support/random-cases";
import { it } from "vitest";
import { opTable } from "../../graph/ops/op-table.js";
import { check, expectSame, named, runInOnnx } from "./onnx-ops-support.js";

it.each(sampledRows(named(opTable)))(
  "%s in float32, with its derivatives, is what JavaScript computes",
  async (_, row) => {
    const tolerance = row.float32Tolerance ?? 1e-5;
    await check(row, "float32", 5, async (job) => expectSame(await runInOnnx(job), job, tolerance));
  },
);
