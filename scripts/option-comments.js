// Gives rows of option tables the comments above them as summaries, for programs that print what editors show.
import ts from "typescript";

/** For Vitest and tsdown. An option without a comment is an error. */
export const optionComments = {
  name: "isoloss-option-comments",
  enforce: "pre",
  transform: {
    filter: {
      id: /[\\/]packages[\\/](core|onnx|benchmarks)[\\/]src[\\/].*\.ts$/,
      code: /optionTable\(|\.(default|otherwise|required)\(/,
    },
    handler: withSummaries,
  },
  // In declarations tsdown prints a comment on the line of the member before it, of which editors then take it to be.
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.fileName.endsWith(".d.ts")) file.code = file.code.replace(/; (?=\/\*\*)/g, ";\n  ");
    }
  },
};

function withSummaries(code, id) {
  const insertions = [];
  visit(ts.createSourceFile(id, code, ts.ScriptTarget.Latest, true));
  return insertions
    .sort(([a], [b]) => b - a)
    .reduce((c, [at, text]) => c.slice(0, at) + text + c.slice(at), code);

  function visit(node) {
    if (ts.isPropertyAssignment(node)) visitRow(node);
    ts.forEachChild(node, visit);
  }

  function visitRow({ name, initializer: row, jsDoc, parent: { parent } }) {
    const makesRow = /\.(default|otherwise|required)$/.test(row.expression?.getText());
    const isInTable = ts.isCallExpression(parent) && parent.expression.getText() === "optionTable";
    if (!isInTable && !(makesRow && jsDoc)) return;
    if (!jsDoc) throw new Error(`${id}: the option ${name.getText()} needs a comment that says what it is.`);
    const comment = ts.getTextOfJSDocComment(jsDoc.at(-1).comment);
    const summary = JSON.stringify(comment.replace(/\{@link (\S+?)\}/g, "$1").replace(/\s+/g, " "));
    const last = row.arguments?.at(-1);
    if (makesRow) insertions.push([last?.end ?? row.end - 1, last ? `, ${summary}` : summary]);
    else insertions.push([row.getStart(), "{ ..."], [row.end, `, summary: ${summary} }`]);
  }
}
