import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Parts of the paths of files that take a minute or more. */
const longest = [
  "sweep/queue.chaos",
  "multi-task/benchmarks",
  "commands/resume",
  "sweep/chaos",
  "commands/reproduce",
  "quantize/peers",
  "lab/test/teach",
  "sweep/full",
  "lab/test/accessibility",
  "browser/browser",
];

/** Begins with what takes longest, so that no worker is idle at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.includes(`${name}.long.test.ts`));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
