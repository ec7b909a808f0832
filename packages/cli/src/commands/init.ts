import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { reasonOf } from "isoloss/node";
import { stringify } from "yaml";
import { configJsonSchema } from "../config/json-schema.js";
import { oneOf } from "../config/nearest.js";
import { experimentSchema, identifier } from "../experiments/definition/schema.js";
import { templates } from "../experiments/definition/templates.js";
import { sweepSchema } from "../sweep/schema.js";
import { sweepTemplate } from "../sweep/template.js";

export interface InitOptions {
  readonly kind: string;
  readonly schema: boolean;
  readonly force: boolean;
}

/** `isoloss init`: a commented experiment or sweep to start from, or the JSON Schema for editors. */
export async function init(file: string | undefined, { kind, schema, force }: InitOptions): Promise<void> {
  const kinds = { ...templates, sweep: sweepTemplate };
  if (!Object.hasOwn(kinds, kind)) {
    throw new OptionError(`The kind must be ${oneOf(kind, Object.keys(kinds))}`);
  }
  const template = kinds[kind as keyof typeof kinds];
  const isSweep = kind === "sweep";
  const title = `Isoloss ${isSweep ? "sweep" : "experiment"}`;
  const content = schema
    ? `${JSON.stringify(configJsonSchema(isSweep ? sweepSchema : experimentSchema, { title }), undefined, 2)}\n`
    : named(template, file);
  if (file === undefined) {
    process.stdout.write(content);
    return;
  }
  try {
    await mkdir(dirname(resolve(file)), { recursive: true });
    await writeFile(file, content, { flag: force ? "w" : "wx" });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new DataError(
      `Cannot write ${file}: ${reasonOf(cause)}.${isThere ? " Choose another name, or replace it with --force." : ""}`,
      { cause },
    );
  }
  process.stdout.write(
    schema ? `${file}\n` : `${file}: run it with\n  isoloss ${isSweep ? "sweep" : "run"} ${file}\n`,
  );
}

/** A template whose experiment has the file's name, where that is a valid one. */
function named(template: string, file: string | undefined): string {
  const name = basename(file ?? "").replace(/\.ya?ml$/, "");
  return identifier.safeParse(name).success
    ? template.replace(/^name: .*$/m, `name: ${stringify(name).trim()}`)
    : template;
}
