import { parseHTML } from "linkedom";

/**
 * A document to draw figures into where there is no browser.
 *
 * @example
 * const svg = curves({ series }, { document: nodeDocument() });
 */
export function nodeDocument(): Document {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return document as unknown as Document;
}
