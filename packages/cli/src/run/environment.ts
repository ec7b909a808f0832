import { existsSync, readFileSync, realpathSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, OptionError, spec, trace } from "isoloss";
import { listProviders } from "isoloss/internal-node";
import { add } from "isoloss/ops";

/** The environment of a run, on which its numbers and times depend beside its config. */
export interface Environment {
  /** null where a package is not installed. */
  readonly versions: {
    readonly isoloss: string | null;
    readonly cli: string | null;
    readonly onnxruntime: string | null;
    readonly node: string;
  };
  /** Such as "linux x64 6.1.0". */
  readonly platform: string;
  readonly cpu: { readonly model: string; readonly cores: number };
  /** What computes: "javascript" or "onnx", and its execution provider. */
  readonly runtime: string;
  readonly device: string;
  /** Threads of the runtime; null where it chooses. */
  readonly threads: number | null;
  readonly seed: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

/**
 * Describes this computer and these versions for a run's `environment.json`.
 *
 * @example
 * describeEnvironment({ seed: 0, runtime: "onnx", device: "cpu", threads: 2 });
 */
export function describeEnvironment({
  seed,
  runtime,
  device = "cpu",
  threads,
}: {
  readonly seed: number;
  readonly runtime: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}): Environment {
  const here = dirname(fileURLToPath(import.meta.url));
  const core = packageDirectory("isoloss", here);
  return {
    versions: {
      isoloss: core === undefined ? null : versionIn(core),
      cli: ownVersion(here),
      onnxruntime: versionOf("onnxruntime-node", core ?? here),
      node: process.versions.node,
    },
    platform: `${platform()} ${arch()} ${release()}`,
    cpu: { model: cpus()[0]?.model.trim() || "unknown", cores: availableParallelism() },
    runtime,
    device,
    threads: threads ?? null,
    seed,
    startedAt: new Date().toISOString(),
  };
}

/** Whether graphs can run in ONNX Runtime: where its installation failed, npm has left it out. */
export function hasOnnxRuntime(): boolean {
  const here = dirname(fileURLToPath(import.meta.url));
  return packageDirectory("onnxruntime-node", packageDirectory("isoloss", here) ?? here) !== undefined;
}

/** A folder and those that hold it. */
function* upwards(folder: string): Generator<string> {
  for (let at = folder; ; at = dirname(at)) {
    yield at;
    if (at === dirname(at)) return;
  }
}

/** Where a package that code in a folder imports is installed: the nearest node_modules that has it. */
function packageDirectory(name: string, folder: string): string | undefined {
  for (const at of upwards(folder)) {
    const candidate = join(at, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
  }
  return undefined;
}

function versionOf(name: string, folder: string): string | null {
  const found = packageDirectory(name, folder);
  return found === undefined ? null : versionIn(found);
}

function ownVersion(folder: string): string | null {
  for (const at of upwards(folder)) if (existsSync(join(at, "package.json"))) return versionIn(at);
  return null;
}

function versionIn(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return version;
}

/**
 * Throws unless a small graph can be computed on an execution provider of ONNX Runtime.
 *
 * @throws OptionError with the providers on which it can
 */
export async function requireProvider(provider: string): Promise<void> {
  const wrong = await failureOf(provider);
  if (wrong === undefined) return;
  const known = await listProviders();
  const there: string[] = [];
  for (const name of known) if (name !== provider && (await failureOf(name)) === undefined) there.push(name);
  const why = known.includes(provider) ? wrong.message : "ONNX Runtime has none of this name.";
  throw new OptionError(`--provider ${provider}: ${why} What computes here: ${there.join(", ")}.`, {
    cause: wrong,
  });
}

/** Why a provider cannot compute: the build may know it without the libraries that it needs. */
async function failureOf(provider: string): Promise<Error | undefined> {
  try {
    const { graph } = trace(({ x }) => add(x, x), { x: spec([1], "float32") });
    const executable = await compile(graph, { provider });
    await executable.run({ x: { shape: [1], data: Float32Array.of(1) } });
    await executable.dispose();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
