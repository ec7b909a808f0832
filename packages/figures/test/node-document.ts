import { parseHTML } from "linkedom";

/** A document to draw into without a browser. */
export function nodeDocument(): Document {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return document as unknown as Document;
}
