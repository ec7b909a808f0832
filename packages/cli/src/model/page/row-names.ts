const LONGEST = 30;

/** Names of rows of a figure: the ends of long ones, numbered where these are not distinct. */
export function rowNames(names: readonly string[]): readonly string[] {
  const short = names.map((name) => (name.length > LONGEST ? `…${name.slice(1 - LONGEST)}` : name));
  return new Set(short).size === short.length ? short : short.map((name, i) => `${i + 1}. ${name}`);
}
