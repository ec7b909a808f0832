// A document where there is no page, such as in Node.js and in workers: as much of one as drawing a figure takes.

/** Child nodes and attributes of an element. */
class PlainElement {
  readonly nodeType = 1;
  parentNode: PlainElement | null = null;
  readonly childNodes: (PlainElement | PlainText)[] = [];
  readonly style = {
    setProperty: (name: string, value: string) =>
      this.setAttribute("style", `${this.getAttribute("style") ?? ""}${name}:${value};`),
  };
  readonly #values = new Map<string, string>();

  constructor(
    readonly ownerDocument: PlainDocument,
    readonly namespaceURI: string,
    readonly localName: string,
  ) {}

  get nodeName(): string {
    return this.localName;
  }
  get id(): string {
    return this.getAttribute("id") ?? "";
  }
  get attributes(): readonly { readonly name: string; readonly value: string }[] {
    return Array.from(this.#values, ([name, value]) => ({ name, value }));
  }
  getAttributeNames(): string[] {
    return [...this.#values.keys()];
  }
  getAttribute(name: string): string | null {
    return this.#values.get(name) ?? null;
  }
  setAttribute(name: string, value: unknown): void {
    this.#values.set(name, String(value));
  }
  setAttributeNS(_: string, name: string, value: unknown): void {
    this.setAttribute(name, value);
  }
  removeAttribute(name: string): void {
    this.#values.delete(name);
  }

  get textContent(): string {
    return this.childNodes.map(({ textContent }) => textContent).join("");
  }
  set textContent(text: unknown) {
    this.childNodes.splice(0);
    this.append(String(text ?? ""));
  }
  append(...nodes: readonly (PlainElement | PlainText | string)[]): void {
    for (const node of nodes)
      this.appendChild(typeof node === "string" ? this.ownerDocument.createTextNode(node) : node);
  }
  appendChild<N extends PlainElement | PlainText>(node: N): N {
    return this.insertBefore(node, null);
  }
  insertBefore<N extends PlainElement | PlainText>(node: N, before: PlainElement | PlainText | null): N {
    node.parentNode?.removeChild(node);
    const place = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    if (place < 0) throw new Error("A node can only be put before a child.");
    this.childNodes.splice(place, 0, node);
    node.parentNode = this;
    return node;
  }
  removeChild(node: PlainElement | PlainText): void {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
  }

  /** @param selector the name of elements, or `*` */
  querySelectorAll(selector: string): PlainElement[] {
    if (!/^(\*|[a-zA-Z]+)$/.test(selector)) throw new Error(`No selector of this document: ${selector}.`);
    return this.childNodes.flatMap((node) => {
      if (node instanceof PlainText) return [];
      const isMeant = selector === "*" || selector === node.localName;
      return [...(isMeant ? [node] : []), ...node.querySelectorAll(selector)];
    });
  }
  querySelector(selector: string): PlainElement | null {
    return this.querySelectorAll(selector)[0] ?? null;
  }
}

class PlainText {
  readonly nodeType = 3;
  readonly nodeName = "#text";
  parentNode: PlainElement | null = null;
  constructor(readonly textContent: string) {}
}

class PlainDocument {
  readonly documentElement = new PlainElement(this, "http://www.w3.org/1999/xhtml", "html");
  createElementNS = (namespace: string, name: string) => new PlainElement(this, namespace, name);
  createTextNode = (text: string) => new PlainText(String(text));
}

/** A document without a page. */
export const plainDocument = (): Document => new PlainDocument() as unknown as Document;
