import { afterEach, expect, it, vi } from "vitest";
import { withProgress } from "../../src/model/command-progress.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What work of three steps writes, each of which takes six seconds. */
async function written(quiet: boolean, isTTY: boolean): Promise<string> {
  vi.useFakeTimers();
  vi.spyOn(process, "stderr", "get").mockReturnValue(
    Object.assign(Object.create(process.stderr), { isTTY, columns: 80 }),
  );
  let text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await withProgress({ quiet }, async (step) => {
    for (const name of ["a", "b", "c"]) {
      vi.advanceTimersByTime(6000);
      step(name);
    }
  });
  return text;
}

it.each<readonly [string, boolean, boolean, RegExp]>([
  ["rewrites a line on a terminal", false, true, /6 s: a.*12 s: b.*18 s: c/s],
  ["writes a line every ten seconds elsewhere", false, false, /^12 s: b\n$/],
  ["writes none with --quiet", true, false, /^$/],
])("%s", async (_, quiet, isTTY, expected) => {
  expect(await written(quiet, isTTY)).toMatch(expected);
});
