import { OptionError } from "isoloss";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { htmlTable, type Report, renderReport } from "../../src/run/report-html.js";
import { reportStyle } from "../../src/run/report-style.js";

const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" width="560" height="300" viewBox="0 0 560 300"><path d="M0 0"/></svg>\n';

const report: Report = {
  title: "A <b>title</b> & more",
  verdicts: [
    { title: "Rosenbrock", outcome: "pass", text: "1.8 times sooner, 5 seeds, [1.5, 2.2]" },
    { title: "CelebA", outcome: "not reproducible", text: "no <data>" },
  ],
  sections: [
    { heading: "One", text: "First.\n\nSecond <script>alert(1)</script>.", figures: [svg, svg] },
    { heading: "Two & three", text: "", tables: [htmlTable({ columns: ["a", "b"], rows: [["x", 1]] })] },
    { heading: "One", text: "" },
  ],
  environment: { versions: { node: "20" }, sizes: [1, 2], tasks: [{ name: "t" }], none: null, empty: {} },
};

const parsed = (given: Partial<Report> = {}) => parseHTML(renderReport({ ...report, ...given })).document;
const texts = (document: Document, selector: string) =>
  [...document.querySelectorAll(selector)].map((node) => node.textContent?.trim());

describe("renderReport", () => {
  it("shows title, verdicts, sections, figures, tables and environment", () => {
    const document = parsed();
    expect(document.title).toBe("A <b>title</b> & more");
    expect(texts(document, "h1")).toEqual(["A <b>title</b> & more"]);
    expect(texts(document, ".verdicts .pass p")).toEqual(["1.8 times sooner, 5 seeds, [1.5, 2.2]"]);
    expect(texts(document, ".verdicts .missing .badge")).toEqual(["\u2013 not reproducible"]);
    expect(texts(document, "h2")).toEqual(["One", "Two & three", "One", "Environment"]);
    expect(texts(document, "section[id] > p")).toEqual(["First.", "Second <script>alert(1)</script>."]);
    expect(document.querySelectorAll("figure > svg")).toHaveLength(2);
    expect(texts(document, "td.number")).toEqual(["1"]);
    const pairs = texts(document, "dt").map((name, i) => [name, texts(document, "dd")[i]]);
    expect(pairs).toEqual([
      ["versions.node", "20"],
      ["sizes", "1, 2"],
      ["tasks.0.name", "t"],
      ["none", "none"],
      ["empty", "none"],
    ]);
  });

  it("begins with its opening and a figure, before conclusion and verdicts", () => {
    const figure = { svg, caption: "a < b" };
    const document = parsed({ opening: { text: "A teleport <moves>.", figure }, conclusion: "None helped." });
    const [heading, opening, conclusion] = [...(document.querySelector("header")?.children ?? [])];
    expect(heading.tagName).toBe("H1");
    expect(opening.querySelector("p")?.textContent).toBe("A teleport <moves>.");
    expect(opening.querySelector("figure > svg")).not.toBeNull();
    expect(opening.querySelector("figcaption")?.textContent).toBe("a < b");
    expect(conclusion.textContent).toBe("None helped.");
    expect(parsed({ opening: { text: "Alone." } }).querySelector("header figure")).toBeNull();
    expect(parsed().querySelector(".opening, figcaption")).toBeNull();
  });

  it("begins with its conclusion, and verdicts lead to their sections", () => {
    const verdicts = [{ title: "Toy", outcome: "helps" as const, text: "5 of 5", section: "Two & three" }];
    const document = parsed({ conclusion: "Of one method, 1 < 2.", verdicts });
    expect(texts(document, ".conclusion")).toEqual(["Of one method, 1 < 2."]);
    expect(texts(document, ".verdicts .pass .badge")).toEqual(["\u2713 helps"]);
    expect(document.querySelector(".verdicts a")?.getAttribute("href")).toBe("#2-two-three");
    expect(parsed().querySelector(".verdicts a, .conclusion")).toBeNull();
  });

  it("folds away what is long, open where it should be seen", () => {
    const folded = [
      { title: "Numbers", content: { table: htmlTable({ columns: ["a"], rows: [["x"]] }) }, open: true },
      { title: "Settings", content: { text: "name: x\nrate: <1>\n" } },
    ];
    const document = parsed({ sections: [{ heading: "One", text: "", folded }] });
    expect(texts(document, "summary")).toEqual(["Numbers", "Settings"]);
    const isOpen = [...document.querySelectorAll("details")].map((d) => d.hasAttribute("open"));
    expect(isOpen).toEqual([true, false]);
    expect(document.querySelector("details table")).not.toBeNull();
    expect(document.querySelector("pre")?.textContent).toBe("name: x\nrate: <1>\n");
  });

  it("needs no script, no network and no other file", () => {
    const page = renderReport(report);
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("script, link, img, iframe, object")).toHaveLength(0);
    expect(page).toContain("default-src 'none'");
    expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(|@import/);
  });

  it("links to sections, each of its own name", () => {
    const document = parsed();
    const targets = [...document.querySelectorAll("nav a")].map((a) => a.getAttribute("href")?.slice(1));
    expect(targets).toEqual(["1-one", "2-two-three", "3-one"]);
    for (const id of targets) expect(document.getElementById(id ?? "")).not.toBeNull();
  });

  it("follows the reader's color scheme unless one is forced", () => {
    expect(parsed().documentElement.hasAttribute("data-theme")).toBe(false);
    expect(parsed({ theme: "dark" }).documentElement.getAttribute("data-theme")).toBe("dark");
  });

  it("refuses a figure that is no SVG", () => {
    const sections = [{ heading: "x", text: "", figures: ["<img src=x>"] }];
    expect(() => renderReport({ ...report, sections })).toThrow(OptionError);
  });
});

describe("htmlTable", () => {
  it("escapes text, aligns numbers, and heads columns and rows", () => {
    expect(htmlTable({ caption: "C & D", columns: ["run", "gain"], rows: [["<a>", "x2.5"]] })).toBe(
      "<table><caption><span>C &amp; D</span></caption><thead><tr>" +
        '<th scope="col">run</th><th scope="col" class="number">gain</th></tr></thead>' +
        '<tbody><tr><th scope="row">&lt;a&gt;</th><td class="number">x2.5</td></tr></tbody></table>',
    );
  });

  it("aligns a column on the right only where all of it are numbers", () => {
    const table = htmlTable({
      columns: ["run", "measured", "source"],
      rows: [
        ["a", "-", "16 hidden units tell the digits apart: no number of a paper"],
        ["b", "0.5 [0.4, 0.6]", "closed form"],
        ["c", "diverged", "closed form"],
      ],
    });
    expect(table).toContain('<th scope="col" class="number">measured</th>');
    expect(table).toContain('<th scope="col">source</th>');
    expect(table).toContain('<td class="number">diverged</td>');
  });

  it("refuses a row that does not fit", () => {
    expect(() => htmlTable({ columns: ["a", "b"], rows: [["x"]] })).toThrow("A row needs 2 cells");
  });
});

describe("reportStyle", () => {
  const schemeOf = (start: string): Record<string, string> => {
    const block = reportStyle.slice(reportStyle.indexOf(start)).split("}")[0];
    return Object.fromEntries(
      [...block.matchAll(/--(\w+): (#[\da-f]{6})/g)].map(([, name, value]) => [name, value]),
    );
  };
  /** Relative luminance (WCAG 2.2). */
  const luminance = (color: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  it.each([":root {", ':root[data-theme="dark"] {'])("has readable text in %j", (start) => {
    const colors = schemeOf(start);
    expect(Object.keys(colors)).toHaveLength(8);
    for (const text of ["ink", "muted", "link", "pass", "differs"]) {
      for (const back of ["paper", "raised"]) {
        const [high, low] = [luminance(colors[text]), luminance(colors[back])].sort((a, b) => b - a);
        expect((high + 0.05) / (low + 0.05), `${text} on ${back}`).toBeGreaterThan(4.5);
      }
    }
  });
});
