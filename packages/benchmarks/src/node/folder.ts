// What all loaders of benchmarks say of folders that are not as they should be.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, MissingDataError } from "isoloss";
import { reasonOf } from "isoloss/node";

/** How a data set lies on disk, and where it is had. */
export interface FolderGuide {
  readonly title: string;
  /** Paths in the folder, with what they are. */
  readonly layout: readonly string[];
  /** Where it is had. */
  readonly source: string;
  readonly license: string;
  /** Examples of the published set by part. */
  readonly published: Readonly<Record<string, number>>;
}

/** A folder that must look as its guide says. */
export class Folder {
  constructor(
    readonly path: string,
    readonly guide: FolderGuide,
  ) {}

  at(path: string): string {
    return join(this.path, path);
  }

  /** An error for what is not there, which says how the folder must look and where to get it. */
  missing(what: string, cause?: unknown): MissingDataError {
    const { title, layout, source, license } = this.guide;
    const lines = layout.map((line) => `\n  ${line}`).join("");
    return new MissingDataError(
      `${this.path}: ${what}. The folder of ${title} must look so:${lines}\nWhere to get it: ${source} (${license}).`,
      { cause },
    );
  }

  /** An error for a file or folder that is not as it should be. */
  wrong(path: string, what: string): DataError {
    return new DataError(`${this.at(path)}: ${what}`);
  }

  /**
   * Names in a folder in the order of characters, without hidden ones.
   *
   * @throws MissingDataError when it is not there
   */
  async names(path: string): Promise<string[]> {
    const names = await readdir(this.at(path)).catch((cause) => {
      throw this.missing(`there is no folder ${path || "of this name"} (${reasonOf(cause)})`, cause);
    });
    return names.filter((name) => !name.startsWith(".")).sort();
  }

  async has(path: string): Promise<boolean> {
    return stat(this.at(path)).then(
      () => true,
      () => false,
    );
  }

  /** The first of several paths that is there. */
  async first(paths: readonly string[]): Promise<string> {
    for (const path of paths) if (await this.has(path)) return path;
    throw this.missing(`there is no ${paths.join(" and no ")}`);
  }

  /** Throws where the parts are not as large as the published ones. */
  requireWhole(counts: Readonly<Record<string, number>>): void {
    const { title, published } = this.guide;
    const text = (of: Readonly<Record<string, number>>) =>
      Object.entries(of)
        .map(([part, count]) => `${count} ${part}`)
        .join(", ");
    if (text(counts) === text(published)) return;
    throw new DataError(
      `${this.path}: ${title} has ${text(published)}; here are ${text(counts)}. Is the download whole? For a part of it, or a sample: isWhole: false; on the command line --part of isoloss data verify, --set problem.part=true of isoloss run.`,
    );
  }
}
