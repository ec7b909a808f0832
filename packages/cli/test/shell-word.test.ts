import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellWord } from "../src/shell-word.js";

it("leaves plain paths and addresses as they are", () => {
  const plain = ["runs/booth-exact-0-1", "../größe/1.5,a=b", "http://localhost:5000", "@me/x_%+^"];
  expect(plain.map(shellWord)).toEqual(plain);
});

it("is read by a shell as the text", () => {
  const texts = [
    "my runs/a b",
    "it's",
    '$HOME `x` \\ "q"',
    "a;b&c|d",
    "(1)*?[~]#!",
    "~/x",
    "",
    "line\nbreak",
  ];
  const line = `printf '%s\\0' ${texts.map(shellWord).join(" ")}`;
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(texts);
});
