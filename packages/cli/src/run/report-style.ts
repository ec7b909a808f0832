/** Colors by their CSS variables. Text has a contrast of at least 4.5 with what is behind it. */
const light = {
  paper: "#ffffff",
  raised: "#f6f8fa",
  ink: "#1f2328",
  muted: "#59636e",
  line: "#d1d9e0",
  link: "#0a5dc2",
  pass: "#17703a",
  differs: "#a34700",
};

const dark: typeof light = {
  paper: "#0f141a",
  raised: "#171e26",
  ink: "#e6edf3",
  muted: "#9aa4af",
  line: "#2f3842",
  link: "#6cb1ff",
  pass: "#56c97d",
  differs: "#f2a35c",
};

const variables = (scheme: "light" | "dark", colors: typeof light): string =>
  [`color-scheme: ${scheme};`, ...Object.entries(colors).map(([name, value]) => `--${name}: ${value};`)].join(
    " ",
  );

/** The style sheet of a report. */
export const reportStyle = `:root { ${variables("light", light)} }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { ${variables("dark", dark)} } }
:root[data-theme="dark"] { ${variables("dark", dark)} }
@media print { :root, :root[data-theme="dark"], :root:not([data-theme="light"]) { ${variables("light", light)} } }
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, sans-serif; background: var(--paper); color: var(--ink); }
body { margin: 0; overflow-wrap: break-word; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.25rem); line-height: 1.2; margin: 0 0 0.75rem; letter-spacing: -0.01em; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 0.5rem; }
h3 { font-size: 1rem; margin: 0 0 0.5rem; }
p { max-width: 68ch; margin: 0 0 0.75rem; }
header p:not(.conclusion) { color: var(--muted); }
a { color: var(--link); }
section { margin-top: 2.75rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.conclusion { font-size: 1.15rem; font-weight: 600; max-width: 60ch; margin: 1.25rem 0; padding-left: 0.9rem;
  border-left: 4px solid var(--link); }
.opening { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 2rem;
  align-items: center; margin: 1rem 0; }
header .opening p { color: var(--ink); font-size: 1.15rem; }
figcaption { color: var(--muted); font-size: 0.9rem; max-width: var(--width); padding-top: 0.4rem; }
section.summary { margin-top: 0; padding-top: 0; border-top: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.35rem 1.25rem; list-style: none; margin: 1.5rem 0 0; padding: 0; }
.verdicts { list-style: none; margin: 1.5rem 0 0; padding: 0; display: grid; gap: 0.75rem; }
.verdicts li { display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); gap: 0.25rem 1rem; align-items: start;
  padding: 0.8rem 1rem; background: var(--raised); border-left: 4px solid var(--kind); border-radius: 4px; }
.verdicts p { margin: 0; }
.verdicts .pass { --kind: var(--pass); }
.verdicts .differs { --kind: var(--differs); }
.verdicts .missing { --kind: var(--muted); }
.verdicts .note { --kind: var(--link); }
.badge { color: var(--kind); font-weight: 600; display: grid; grid-template-columns: 1.6em minmax(0, 1fr); }

.scroll { overflow-x: auto; container-type: inline-size; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1.5rem;
  margin: 1.25rem 0; }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure svg { display: block; width: min(100%, var(--width)); min-width: calc(0.65 * var(--width)); height: auto; }
table { border-collapse: collapse; margin: 1.25rem 0; font-size: 0.94rem; }
caption { text-align: left; color: var(--muted); padding-bottom: 0.4rem; }
/* A caption stays in view where its table scrolls. */
caption span { display: inline-block; position: sticky; left: 0; max-width: min(68ch, 100cqw); }
th, td { text-align: left; padding: 0.4rem 0.65rem; border-bottom: 1px solid var(--line); vertical-align: baseline; }
tbody th:first-child, thead tr:first-child th:first-child { padding-left: 0; }
thead th { vertical-align: bottom; color: var(--muted); font-weight: 600; border-bottom-width: 2px; }
tbody th { font-weight: 500; min-width: 7rem; }
.isoloss-table td, .isoloss-table tr:last-child th[scope="col"], .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--link); padding: 0.35rem 0; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
pre { margin: 0.5rem 0; padding: 0.9rem 1rem; background: var(--raised); border-radius: 4px; width: fit-content;
  min-width: min(100%, 30rem); font: 0.85rem/1.5 ui-monospace, monospace; }
dl { margin: 0; font-size: 0.9rem; max-width: 44rem; }
dl div { display: grid; grid-template-columns: minmax(8rem, 2fr) 3fr; gap: 1rem; padding: 0.25rem 0;
  border-bottom: 1px solid var(--line); }
dt { color: var(--muted); }
dd { margin: 0; }
dt, dd { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding-top: 1.5rem; }
  .verdicts li { grid-template-columns: minmax(0, 1fr); }
}
@media print {
  html { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  section { border-top: 0; padding-top: 0; margin-top: 1.5rem; }
  .verdicts li, figure, tr, dl div { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .scroll { overflow: visible; }
  figure svg { min-width: 0; }
  a { color: inherit; text-decoration: none; }
}
`;
