import { OptionError } from "isoloss";

/** One error in a config. */
export interface ConfigIssue {
  /** Where: `file:line:column`, or the override, `--set path=value`. */
  readonly where: string;
  /** The key's path, such as `optimizer.name`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
}

/** All errors in a config. Its message has a line for each. */
export class ConfigError extends OptionError {
  override name = "ConfigError";
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super(
      issues
        .map(({ where, path, message }) => [where, path, message].filter((part) => part !== "").join(": "))
        .join("\n"),
    );
    this.issues = issues;
  }
}
