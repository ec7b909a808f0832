import { afterEach, expect, it, vi } from "vitest";
import { withProgress } from "../../src/model/command-progress.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What work of three steps writes, each of which takes six seconds. */
async function written(options: { quiet: boolean; json: boolean }, isTTY: boolean): Promise<string> {
  vi.useFakeTimers();
  vi.spyOn(process, "stderr", "get").mockReturnValue(
    Object.assign(Object.create(process.stderr), { isTTY, columns: 80 }),
  );
  let text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await withProgress(options, async (step) => {
    for (const name of ["a", "b", "c"]) {
      vi.advanceTimersByTime(6000);
      step(name);
    }
  });
  return text;
}

it.each<readonly [string, { quiet: boolean; json: boolean }, boolean, RegExp]>([
  ["rewrites a line on a terminal", { quiet: false, json: true }, true, /6 s: a.*12 s: b.*18 s: c/s],
  ["writes a line every ten seconds elsewhere", { quiet: false, json: false }, false, /^12 s: b\n$/],
  ["writes none elsewhere with --json", { quiet: false, json: true }, false, /^$/],
  ["writes none with --quiet", { quiet: true, json: false }, true, /^$/],
])("%s", async (_, options, isTTY, expected) => {
  expect(await written(options, isTTY)).toMatch(expected);
});
