import { it } from "vitest";
import { cases, expectRecorded, expectSameAsked } from "./walks-support.js";

it.each(cases.map((row) => [JSON.stringify(row.options), row] as const))(
  "a walk on a level set repeats what was recorded, also where the host is asked: %s",
  async (_, row) => {
    await expectRecorded(row, [71, 72, 73]);
    for (const seed of [70, 71]) await expectSameAsked(row, seed);
  },
);
