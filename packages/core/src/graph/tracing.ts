let depth = 0;

/** Runs a function on symbols. */
export function whileTracing<R>(f: () => R): R {
  depth++;
  try {
    return f();
  } finally {
    depth--;
  }
}

/** Whether a function is being traced. */
export const isTracing = (): boolean => depth > 0;
