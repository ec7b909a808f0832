import { readFileSync } from "node:fs";
import type { Rolldown } from "tsdown";

/**
 * Splits commands in the build, where the registry loads them: options and help are there at once, and the code, with all that
 * it imports, is loaded when the command runs. In the sources a command stays one file.
 */
export const lazyCommands: Rolldown.Plugin = {
  name: "isoloss-lazy-commands",
  async resolveId(source, importer, options) {
    if (!importer?.endsWith("/commands/registry.ts") || !source.startsWith("./")) return null;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found && `${found.id}?row`;
  },
  load(id) {
    const [path, part] = id.split("?");
    if (part !== "row" && part !== "help") return null;
    const source = readFileSync(path, "utf8");
    // What only `run` uses is no part of the bundle's module.
    if (part === "help") return { code: `${source}\nexport { help, options };`, moduleType: "ts" };
    const [, name] = /^export const (\w+) = \{ options, help, run \};$/m.exec(source) ?? [];
    if (name === undefined) throw new Error(`${path} has no row { options, help, run }.`);
    const code = JSON.stringify(path);
    return {
      code: `import { help, options } from ${JSON.stringify(`${path}?help`)};
const run = async (...given) => (await import(${code})).${name}.run(...given);
export const ${name} = { options, help, run };`,
      moduleType: "js",
    };
  },
};
