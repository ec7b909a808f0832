import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type UserConfig, type UserConfigExport } from "tsdown";

const packages = fileURLToPath(new URL("../..", import.meta.url));
/** The packages with the library. */
const names = ["core", "onnx", "benchmarks"] as const;
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

export interface PackedProject {
  readonly folder: string;
  /** Another project, which has the packages without their optional peers. */
  readonly withoutOnnx: string;
  /** Paths inside the tarball of `isoloss`. */
  readonly files: readonly string[];
  remove(): void;
}

/**
 * A project outside the workspace that has the packages as a user has them: built from the sources as they are, packed,
 * and unpacked into `node_modules`, next to links to its dependencies and peers. Nothing is downloaded.
 *
 * @param options `types: false` leaves out the declarations, which take most of the time
 */
export async function createPackedProject({ types = true } = {}): Promise<PackedProject> {
  const all = realpathSync(mkdtempSync(join(tmpdir(), "isoloss-project-")));
  const [folder, withoutOnnx] = ["project", "without-onnx"].map((name) => join(all, name));
  const remove = () => rmSync(all, { recursive: true, force: true, maxRetries: 3 });
  try {
    const unpacked: { readonly folder: string; readonly manifest: Manifest }[] = [];
    for (const name of names) unpacked.push(await pack(name, all, types));
    const installInto = (project: string, kinds: readonly ("dependencies" | "peerDependencies")[]) => {
      for (const { folder, manifest } of unpacked) {
        cpSync(folder, join(project, "node_modules", manifest.name), { recursive: true });
      }
      const needed = unpacked.flatMap(({ manifest }) =>
        kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})),
      );
      for (const name of new Set([...needed, "@types"])) {
        if (existsSync(join(project, "node_modules", name))) continue;
        const link = join(project, "node_modules", name);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(modules, name), link, "junction");
      }
      writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    };
    installInto(folder, ["dependencies", "peerDependencies"]);
    installInto(withoutOnnx, ["dependencies"]);
    const installed = join(folder, "node_modules", "isoloss");
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(installed.length + 1)
          .replaceAll("\\", "/"),
      );
    return { folder, withoutOnnx, files: files.sort(), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Builds a package and unpacks its tarball into a folder of `all`. */
async function pack(name: string, all: string, types: boolean) {
  const [own, source] = [join(packages, name), join(all, `${name}-source`)];
  const unused = ["dist", "node_modules", "test"].map((part) => join(own, part));
  cpSync(own, source, { recursive: true, filter: (path) => !unused.includes(path) });
  // Not into the package's own dist, which other tests may be reading.
  const { default: config } = (await import(join(own, "tsdown.config.ts"))) as { default: UserConfigExport };
  for (const one of [config].flat() as UserConfig[]) {
    await build({
      ...one,
      config: false,
      cwd: own,
      outDir: join(source, one.outDir ?? "dist"),
      logLevel: "error",
      ...(types ? {} : { dts: false }),
    });
  }
  npm(source, "pack", "--pack-destination", source);
  const tarball = readdirSync(source).find((file) => file.endsWith(".tgz"));
  execFileSync("tar", ["-xzf", tarball as string], { cwd: source });
  const folder = join(source, "package");
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { folder, manifest };
}

/** Inside an npm script the running npm is known; a bare "npm" is a .cmd file on Windows and needs a shell. */
function npm(cwd: string, ...args: string[]): void {
  const cli = process.env.npm_execpath;
  const isScript = cli !== undefined && basename(cli).startsWith("npm") && cli.endsWith(".js");
  const [command, ...rest] = isScript ? [process.execPath, cli, ...args] : ["npm", ...args];
  execFileSync(command, rest, {
    cwd,
    stdio: "pipe",
    shell: command === "npm" && process.platform === "win32",
    env: { ...process.env, npm_config_update_notifier: "false" },
  });
}
