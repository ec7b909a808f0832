/** A signal for a run, and its end. */
export interface InterruptSignal {
  /** For the option `signal` of `run`. */
  readonly signal: AbortSignal;
  /** Ctrl-C does again what it did before. */
  dispose(): void;
}

/**
 * A signal that the first Ctrl-C (SIGINT) or a SIGTERM aborts: the run ends after the steps under way, and can be saved.
 * A second Ctrl-C ends the process as usual.
 *
 * @example
 * const interrupt = interruptSignal();
 * const { status } = await trainer.run({ epochs: 1, signal: interrupt.signal });
 * if (status === "interrupted") await saveCheckpoint("run/checkpoint.safetensors", trainer);
 * interrupt.dispose();
 */
export function interruptSignal(): InterruptSignal {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const dispose = () => {
    for (const name of signals) process.off(name, onSignal);
  };
  function onSignal(): void {
    dispose();
    controller.abort();
  }
  for (const name of signals) process.on(name, onSignal);
  return { signal: controller.signal, dispose };
}
