import { escaped } from "./base/text.js";

/** Attributes of an element: those that are undefined are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

const namespace = "http://www.w3.org/2000/svg";

/** A new SVG element. */
export function element(
  document: Document,
  name: string,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElement {
  const node = document.createElementNS(namespace, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) node.setAttribute(key, String(value));
  }
  for (const child of children) {
    node.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
  return node;
}

/** Attributes that hold coordinates, or sizes in px. */
const coordinates = [
  ...["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "dx", "dy"],
  ...["width", "height", "stroke-width", "points"],
];

/** Rounds coordinates to hundredths of a px: shorter, and the same wherever a logarithm's last bit differs. */
export function roundCoordinates(root: Element): void {
  for (const node of root.querySelectorAll("*")) {
    for (const name of coordinates) {
      const value = node.getAttribute(name);
      if (value !== null) node.setAttribute(name, rounded(value));
    }
  }
}

// A number after a digit or before a unit is not a coordinate: 0.71em stays.
const rounded = (text: string): string =>
  text.replace(/-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\d.]*(?:em|%))/gi, (number) => {
    const value = Math.round(Number(number) * 100) / 100;
    return String(value + 0);
  });

/**
 * Gives the ids under an element names that follow from what the figure shows, so that the same figure has the same
 * text wherever it is drawn, and two figures on one page do not share ids.
 */
export function stableIds(root: Element): void {
  const nodes = [...root.querySelectorAll("*")];
  const ids = nodes.flatMap(({ id }) => (id ? [id] : []));
  // Plot counts its ids up from figure to figure: without those counters the text depends on the figure alone.
  renameIds(nodes, (id) => String(ids.indexOf(id)));
  const prefix = `isoloss-${hash(serialized(root))}`;
  renameIds(nodes, (id) => `${prefix}-${id}`);
}

function renameIds(nodes: readonly Element[], rename: (id: string) => string): void {
  for (const node of nodes) {
    for (const name of node.getAttributeNames()) {
      const value = node.getAttribute(name) ?? "";
      const isId = name === "id" || name === "aria-describedby";
      const changed = isId
        ? rename(value)
        : value.replace(/url\(#([^)]+)\)/g, (_, id) => `url(#${rename(id)})`);
      if (changed !== value) node.setAttribute(name, changed);
    }
  }
}

/** FNV-1a of 32 bits, as hexadecimal digits. */
function hash(text: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(16).padStart(8, "0");
}

/**
 * The text of an SVG file: a well-formed XML document.
 *
 * `outerHTML` is HTML: it may leave < in attributes, and uses named entities that XML does not define.
 */
export function svgText(svg: SVGElement): string {
  return `${serialized(svg)}\n`;
}

const elementNode = 1;

function serialized(node: Node): string {
  if (node.nodeType !== elementNode) return escaped(node.textContent ?? "");
  const { attributes, childNodes, localName } = node as Element;
  // The order of attributes depends on the document.
  const sorted = [...attributes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const pairs = sorted.map(({ name, value }) => ` ${name}="${escaped(value)}"`).join("");
  const children = [...childNodes].map(serialized).join("");
  return children ? `<${localName}${pairs}>${children}</${localName}>` : `<${localName}${pairs}/>`;
}
