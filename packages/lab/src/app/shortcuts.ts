/** Keys of a screen; none of them while a field or a control has the focus that uses the key itself. */
export function shortcuts(actions: Readonly<Record<string, () => void>>) {
  return (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as Element | null;
    if (target?.closest("input, select, textarea, dialog")) return;
    if (event.key === " " && target?.closest("button, summary, a")) return;
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
}
