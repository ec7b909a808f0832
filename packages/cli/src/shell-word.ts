/**
 * A text as one word of a shell's command, for commands that the user may copy: in quotes where it needs them.
 *
 * @example
 * `isoloss run ${shellWord("my runs/a.yaml")}`; // isoloss run 'my runs/a.yaml'
 */
export const shellWord = (text: string): string =>
  /^[\p{L}\p{N}_@%+^=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
