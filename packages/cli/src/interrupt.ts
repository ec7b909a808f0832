/** Exit code after Ctrl-C, as shells have it. */
export const interruptedCode = 130;

/**
 * Runs work that can end early: its signal is aborted at the first Ctrl-C, or request to terminate; the second one ends the
 * program at once.
 *
 * @param onFirst tells the user
 */
export async function untilInterrupted<T>(
  onFirst: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(interruptedCode);
    onFirst();
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
