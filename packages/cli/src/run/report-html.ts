import { OptionError } from "isoloss";
import { escaped } from "isoloss-figures/base";
import { partsOf } from "../dotted-path.js";
import { reportStyle } from "./report-style.js";

/** How a comparison with what was expected came out. */
export type Comparison = "pass" | "differs" | "not reproducible";

/**
 * What measurements say of a method. `fewer steps`: but not clearly less time; `undecided`: an interval contains no difference, or too
 * few runs have one.
 */
export type Judgement = "helps" | "fewer steps" | "no better than a control" | "does not help" | "undecided";

/** `note`: nothing was expected; `failed`: the experiment did not end. */
export type Outcome = Comparison | Judgement | "note" | "failed";

/** One sentence that the numbers support. */
export interface Verdict {
  /** What was tried, in a few words. */
  readonly title: string;
  readonly outcome: Outcome;
  /** With its numbers: "reached the final loss of SGD in 0.56 of the time [0.45, 0.67]". */
  readonly text: string;
  /** Heading of the section that it is about, for a link. */
  readonly section?: string;
}

/** What a reader unfolds. */
export interface Folded {
  readonly title: string;
  /** A table, as {@link htmlTable} gives it, or text that keeps its lines. */
  readonly content: { readonly table: string } | { readonly text: string };
  /** Shown from the start; default false. */
  readonly open?: boolean;
}

export interface ReportSection {
  readonly heading: string;
  /** For links; default the heading. */
  readonly name?: string;
  /** Plain text; an empty line parts paragraphs. */
  readonly text: string;
  /** SVG documents, as the figures with the theme `auto` give them. */
  readonly figures?: readonly string[];
  /** Tables, as {@link htmlTable} gives them. */
  readonly tables?: readonly string[];
  /** Below the tables. */
  readonly folded?: readonly Folded[];
}

/** A sentence and, where there is one, a figure with its caption. */
export interface Opening {
  readonly text: string;
  readonly figure?: { readonly svg: string; readonly caption: string };
}

export interface Report {
  readonly title: string;
  /** What the report is about, for a reader who is new to it: below the title, with a figure. */
  readonly opening?: Opening;
  /** The result in a sentence or two. */
  readonly conclusion?: string;
  /** A paragraph below that. */
  readonly lead?: string;
  readonly verdicts: readonly Verdict[];
  readonly sections: readonly ReportSection[];
  /** Plain data; what is nested is named by its path. */
  readonly environment: object;
  /** Seconds after which a browser reads the page again, while what it reports goes on. */
  readonly refreshSeconds?: number;
  /** Forces a color scheme; by default the reader's. */
  readonly theme?: "light" | "dark";
}

const marks: Readonly<Record<Outcome, { readonly sign: string; readonly kind: string }>> = {
  pass: { sign: "\u2713", kind: "pass" },
  differs: { sign: "\u2260", kind: "differs" },
  "not reproducible": { sign: "\u2013", kind: "missing" },
  note: { sign: "i", kind: "note" },
  failed: { sign: "!", kind: "differs" },
  helps: { sign: "\u2713", kind: "pass" },
  "fewer steps": { sign: "\u00b1", kind: "note" },
  "no better than a control": { sign: "=", kind: "note" },
  "does not help": { sign: "\u2715", kind: "differs" },
  undecided: { sign: "?", kind: "missing" },
};

/**
 * A report as one HTML page that needs no other file, no network and no script.
 *
 * @throws OptionError when a figure is not an SVG document
 *
 * @example
 * renderReport({ title: "Digits", verdicts, sections, environment });
 */
export function renderReport({
  title,
  opening,
  lead,
  conclusion,
  verdicts,
  sections,
  environment,
  refreshSeconds,
  theme,
}: Report): string {
  const ids = sections.map(({ heading, name = heading }, i) => `${i + 1}-${slug(name)}`);
  const idOf = (heading: string | undefined) => ids[sections.findIndex((s) => s.heading === heading)];
  const links = sections.map(
    ({ heading, name = heading }, i) => `<li><a href="#${ids[i]}">${escaped(name)}</a></li>`,
  );
  const body = [
    "<header>",
    `<h1>${escaped(title)}</h1>`,
    opening === undefined ? "" : openingHtml(opening),
    conclusion === undefined ? "" : `<p class="conclusion">${escaped(conclusion)}</p>`,
    lead === undefined ? "" : paragraphs(lead),
    "</header>",
    verdicts.length > 0
      ? `<section class="summary" aria-label="Verdicts"><ul class="verdicts">\n${verdicts
          .map((verdict) => verdictItem(verdict, idOf(verdict.section)))
          .join("\n")}\n</ul></section>`
      : "",
    links.length > 2 ? `<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>` : "",
    ...sections.map((section, i) => sectionHtml(section, ids[i])),
    `<section><h2>Environment</h2>`,
    `${definitions(environment)}</section>`,
  ];
  return `<!doctype html>
<html lang="en"${theme === undefined ? "" : ` data-theme="${theme}"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">${refreshSeconds === undefined ? "" : `\n<meta http-equiv="refresh" content="${refreshSeconds}">`}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escaped(title)}</title>
<style>
${reportStyle}</style>
</head>
<body>
<main>
${body.filter((part) => part !== "").join("\n")}
</main>
</body>
</html>
`;
}

const openingHtml = ({ text, figure }: Opening): string =>
  `<div class="opening">${paragraphs(text)}${figure === undefined ? "" : figureHtml(figure.svg, figure.caption)}</div>`;

function verdictItem({ title, outcome, text }: Verdict, id: string | undefined): string {
  const { sign, kind } = marks[outcome];
  const name = id === undefined ? escaped(title) : `<a href="#${id}">${escaped(title)}</a>`;
  return (
    `<li class="${kind}"><span class="badge"><span aria-hidden="true">${sign}</span> <span>${outcome}</span></span>` +
    `<div><strong>${name}</strong> <p>${escaped(text)}</p></div></li>`
  );
}

function sectionHtml(section: ReportSection, id: string): string {
  const { heading, text, figures = [], tables = [], folded = [] } = section;
  const parts = [
    `<section id="${id}"><h2>${escaped(heading)}</h2>`,
    paragraphs(text),
    figures.length > 0
      ? `<div class="figures">\n${figures.map((svg) => figureHtml(svg)).join("\n")}\n</div>`
      : "",
    ...tables.map(scrolling),
    ...folded.map(foldedHtml),
    "</section>",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const scrolling = (content: string): string =>
  `<div class="scroll" role="group" aria-label="Table" tabindex="0">${content}</div>`;

function foldedHtml({ title, content, open = false }: Folded): string {
  const inner = "table" in content ? content.table : `<pre>${escaped(content.text)}</pre>`;
  return `<details${open ? " open" : ""}><summary>${escaped(title)}</summary>${scrolling(inner)}</details>`;
}

const paragraphs = (text: string): string =>
  text
    .split(/\n\s*\n/)
    .filter((part) => part.trim() !== "")
    .map((part) => `<p>${escaped(part.trim())}</p>`)
    .join("\n");

/** A figure in its own size where there is room, and no smaller than one can read. */
function figureHtml(document: string, caption?: string): string {
  const svg = document.trim().replace(/^<\?xml[^>]*\?>\s*/, "");
  const [start = "", attributes = ""] = /^<svg\b([^>]*)>/.exec(svg) ?? [];
  if (start === "") {
    throw new OptionError(
      `A figure of a report must be an SVG document; got ${JSON.stringify(svg.slice(0, 60))}.`,
    );
  }
  const width = Number(/\swidth="([\d.]+)(?:px)?"/.exec(attributes)?.[1] ?? 640);
  // Wider than half a page: a row of its own.
  const kind = width > 700 ? "scroll wide" : "scroll";
  return `<figure class="${kind}" tabindex="0" style="--width: ${width}px">${svg}${
    caption === undefined ? "" : `<figcaption>${escaped(caption)}</figcaption>`
  }</figure>`;
}

/** Plain data as a list of names and values. */
function definitions(data: object): string {
  const shown = partsOf(data, isRow).filter(([key, value]) => key !== "" && value !== undefined);
  const rows = shown.map(
    // Long names break after a dot.
    ([key, value]) =>
      `<div><dt>${escaped(key).replaceAll(".", ".<wbr>")}</dt><dd>${escaped(rowText(value))}</dd></div>`,
  );
  return `<dl>${rows.join("")}</dl>`;
}

/** Lists of plain values are shown in one row, and what is empty as none. */
const isRow = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  Object.keys(value).length === 0 ||
  (Array.isArray(value) && value.every((item) => typeof item !== "object"));

function rowText(value: unknown): string {
  if (typeof value !== "object") return String(value);
  return Array.isArray(value) ? value.join(", ") : "none";
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

/** A table of a report: what to show, already in the digits that it should have. */
export interface Table {
  readonly caption?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/**
 * A table as HTML; cells that are numbers, or look like one, are aligned on the right.
 *
 * @throws OptionError when a row has not one cell for each column
 *
 * @example
 * htmlTable({ columns: ["method", "loss"], rows: [["SGD", "0.25"]] });
 */
export function htmlTable({ caption, columns, rows }: Table): string {
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong) {
    throw new OptionError(
      `A row needs ${columns.length} cells, one for each of ${columns.join(", ")}; got ${wrong.length}.`,
    );
  }
  const isNumeric = columns.map(
    (_, c) =>
      c > 0 &&
      rows.some((row) => looksNumeric(row[c])) &&
      rows.every((row) => looksNumeric(row[c]) || !/\d/.test(String(row[c]))),
  );
  const cell = (name: "th" | "td", text: string | number, c: number, scope = "") =>
    `<${name}${scope}${isNumeric[c] ? ' class="number"' : ""}>${escaped(String(text))}</${name}>`;
  const head = columns.map((column, c) => cell("th", column, c, ' scope="col"')).join("");
  const lines = rows.map((row) => {
    const cells = row.map((value, c) =>
      c === 0 ? cell("th", value, c, ' scope="row"') : cell("td", value, c),
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  const title = caption === undefined ? "" : `<caption><span>${escaped(caption)}</span></caption>`;
  return `<table>${title}<thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}

const looksNumeric = (value: string | number): boolean =>
  typeof value === "number" || (value.length < 40 && /^[-+x\u00d7<>= \u2264\u2265]*\d/.test(value));
