const resets = $state({ count: 0 });

/** Fields show their values again, whatever was typed in them and refused. */
export function forgetTyped(): void {
  resets.count++;
}

/** Calls `forget` after {@link forgetTyped}, also where the value stays as it was. Called while a component is made. */
export function onForgetTyped(forget: () => void): void {
  let known = resets.count;
  $effect(() => {
    if (resets.count === known) return;
    known = resets.count;
    forget();
  });
}
