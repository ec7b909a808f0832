import { DTypeError, IsolossError, OptionError, ShapeError } from "isoloss";
import { reasonOf } from "isoloss/node";
import { ConfigError } from "./config/errors.js";

/** How the program ends after an error. */
interface Failure {
  /** The message for stderr, with a line break at its end. */
  readonly text: string;
  /** 2 for a wrong command or setting, 1 for a failure. */
  readonly exitCode: number;
}

/**
 * The message of an error: one message for misuse, bad input and errors of the system; the stack of a defect only in
 * debugging.
 *
 * @param options `debug`: show stacks, and causes
 */
export function failureOf(error: unknown, { debug = false }: { readonly debug?: boolean } = {}): Failure {
  const stack = debug ? `${stackOf(error)}\n` : "";
  if (error instanceof ConfigError && error.issues.length > 1) {
    return {
      text: `isoloss: ${error.issues.length} things are wrong with the config:\n${error.message}\n${stack}`,
      exitCode: 2,
    };
  }
  if (error instanceof IsolossError) {
    const isMisuse = [OptionError, ShapeError, DTypeError].some((type) => error instanceof type);
    return { text: `isoloss: ${error.message}\n${stack}`, exitCode: isMisuse ? 2 : 1 };
  }
  if (isSystemError(error)) {
    const { path, syscall } = error;
    return { text: `isoloss: ${path ?? syscall}: ${reasonOf(error)}.\n${stack}`, exitCode: 1 };
  }
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  const advice = debug ? "" : " Set ISOLOSS_DEBUG=1 to see where, and please report it.";
  return {
    text: `isoloss: a defect in isoloss: ${name}: ${message.split("\n")[0]}.${advice}\n${stack}`,
    exitCode: 1,
  };
}

/** Prints an error to stderr and sets the exit code; the process ends when its work is done. */
export function fail(error: unknown): void {
  const { text, exitCode } = failureOf(error, { debug: process.env.ISOLOSS_DEBUG === "1" });
  process.stderr.write(text);
  process.exitCode = exitCode;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** Whether an error comes from the operating system: it has a code such as ENOENT and names the call. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^E[A-Z\d]+$/.test(code) && typeof syscall === "string";
}
