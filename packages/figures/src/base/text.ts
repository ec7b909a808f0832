/** Characters' widths in ems, roughly those of common sans-serif fonts: a figure cannot ask for the reader's font. */
function widthOf(character: string): number {
  if (/[ijl.,:;'|!()[\]]/.test(character)) return 0.3;
  if (/[ftr\s/\-−⁻¹]/.test(character)) return 0.37;
  if (/[mwMW@%→—←]/.test(character)) return 0.93;
  if (/[⁰²³⁴⁵⁶⁷⁸⁹]/.test(character)) return 0.4;
  if (/[A-Z×±↑↓≤≥]/.test(character)) return 0.7;
  return 0.61;
}

/** Width of a text in px at a font size, estimated. */
export function textWidth(text: string, fontSize: number): number {
  return [...text].reduce((sum, character) => sum + widthOf(character), 0) * fontSize;
}

/** Lines of at most `width` px, broken at spaces; a longer word has a line of its own. */
export function wrap(text: string, fontSize: number, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && textWidth(longer, fontSize) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line ? [...lines, line] : lines;
}

/** Text as it stands between tags and in quoted attributes of XML and of HTML. */
export function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => names[c]);
}
