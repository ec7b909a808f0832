/** An element of an XML document: name, attributes, depth. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * The elements of an XML document in order, after a strict check: one root, tags closed in order, quoted and distinct
 * attributes, no bare & or <. (XML 1.0, sections 2.1, 2.4, 3.1; no comments, CDATA or declarations but those skipped.)
 *
 * @throws Error that says what is not well-formed
 */
export function parseXml(text: string): Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  const token = /<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let roots = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new Error(`Not a tag or text at ${at}: ${text.slice(at, at + 60)}`);
    const [, closing, name, rest, empty, characters] = match;
    const references = (characters ?? rest).replaceAll(/&(amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);/g, "");
    if (references.includes("&")) throw new Error(`A bare & at ${at}: ${match[0]}`);
    if (characters !== undefined) {
      if (open.length === 0 && characters.trim() !== "")
        throw new Error(`Text outside the root: ${characters}`);
      continue;
    }
    if (closing) {
      if (open.pop() !== name) throw new Error(`</${name}> closes what is not open, at ${at}`);
      continue;
    }
    if (open.length === 0 && ++roots > 1) throw new Error(`A second root <${name}>`);
    const pairs = [...rest.matchAll(/([\w:.-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value] as const);
    if (new Set(pairs.map(([key]) => key)).size < pairs.length)
      throw new Error(`Attributes repeat in ${match[0]}`);
    elements.push({ name, attributes: Object.fromEntries(pairs) });
    if (!empty) open.push(name);
  }
  if (open.length > 0) throw new Error(`Not closed: ${open.join(", ")}`);
  return elements;
}
