import { afterEach, expect, it, vi } from "vitest";
import { createProgress, type ProgressStream, withProgress } from "../src/progress.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a stream of that kind gets. */
function recorder(kind: Omit<ProgressStream, "write">) {
  const stream = { ...kind, text: "", write: (text: string) => (stream.text += text) };
  return { stream, progress: createProgress(stream) };
}

it("rewrites one line on a terminal", () => {
  const { stream, progress } = recorder({ isTTY: true, columns: 80 });
  progress.update("step 1");
  progress.update("step 2");
  progress.line("done");
  expect(stream.text).toBe("\r\u001b[Jstep 1\r\u001b[Jstep 2\r\u001b[Jdone\n");
});

it("rewrites all lines of what is wider than the terminal", () => {
  const { stream, progress } = recorder({ isTTY: true, columns: 10 });
  progress.update("a".repeat(10));
  progress.update("b".repeat(21));
  progress.line("done");
  // A full line leaves the cursor in it; the third line of the second text is two lines below its first one.
  expect(stream.text).toBe(`\r\u001b[J${"a".repeat(10)}\r\u001b[J${"b".repeat(21)}\r\u001b[2A\u001b[Jdone\n`);
});

it("takes away on a terminal what others should not write behind", () => {
  const { stream, progress } = recorder({ isTTY: true, columns: 80 });
  progress.clear();
  progress.update("step 1");
  progress.clear();
  progress.clear();
  expect(stream.text).toBe("\r\u001b[Jstep 1\r\u001b[J");
});

it.each([{ isTTY: false }, {}, { isTTY: true, columns: 0 }])(
  "is plain lines without updates elsewhere: %j",
  (kind) => {
    const { stream, progress } = recorder(kind);
    progress.update("step 1");
    progress.clear();
    progress.line("done");
    expect(stream.text).toBe("done\n");
  },
);

it("is a line now and then elsewhere, if it is asked for", () => {
  vi.useFakeTimers();
  try {
    const stream = { text: "", write: (text: string) => (stream.text += text) };
    const start = performance.now();
    const progress = createProgress(stream, { every: 10 });
    for (const seconds of [1, 9, 11, 15, 22, 30, 33]) {
      vi.advanceTimersByTime(start + 1000 * seconds - performance.now());
      progress.update(`step at ${seconds}`);
    }
    expect(stream.text).toBe("step at 11\nstep at 22\nstep at 33\n");
  } finally {
    vi.useRealTimers();
  }
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
