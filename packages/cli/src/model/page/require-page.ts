import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { OptionError } from "isoloss";
import { prepareFolder } from "../../output.js";
import type { ModelFile } from "../read-model.js";

/**
 * Throws where a page of `--report` would be written over a folder, the new model or the one that is read; creates its
 * folder.
 *
 * @throws OptionError, DataError
 */
export async function requirePage(
  { files }: ModelFile,
  out: string,
  page: string | undefined,
): Promise<void> {
  if (page === undefined) return;
  if ([...files, out].some((path) => resolve(path) === resolve(page))) {
    throw new OptionError(`--report ${page} is a model's file: name another one, such as report.html.`);
  }
  const there = await stat(page).catch(() => undefined);
  if (there?.isDirectory()) {
    throw new OptionError(
      `--report ${page} is a folder: name a file, such as ${page.replace(/\/$/, "")}/report.html.`,
    );
  }
  await prepareFolder(dirname(resolve(page)));
}
