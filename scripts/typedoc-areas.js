// A typedoc plugin: sorts the API reference by area, which is the folder of a source.
import { Comment, CommentTag, Converter } from "typedoc";

/** Folders of packages/core/src, and what they are called there; `categoryOrder` in typedoc.json has their order. */
const areas = {
  graph: "Graph",
  runtime: "Runtimes",
  nn: "Networks",
  optim: "Optimisers",
  data: "Data",
  symmetry: "Symmetries",
  teleport: "Teleports",
  train: "Training",
  mtl: "Several tasks",
  problems: "Problems",
  node: "Files",
  math: "Mathematics",
};
const others = "Arrays and errors";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of (project.children ?? []).flatMap((module) => module.children ?? [module])) {
      const declared = reflection.signatures ?? [reflection];
      const [source] = declared[0].sources ?? reflection.sources ?? [];
      const [, folder] = /packages\/core\/src\/(\w+)\//.exec(source?.fullFileName ?? "") ?? [];
      for (const each of declared) {
        each.comment ??= new Comment();
        each.comment.blockTags.push(
          new CommentTag("@category", [{ kind: "text", text: areas[folder] ?? others }]),
        );
      }
    }
  });
}
