import assert from "node:assert/strict";
import { test } from "node:test";
import { capital, english, label, literal, plain } from "../../src/text";

test("text from elsewhere steers nothing", () => {
  const cases: [string, string, string][] = [
    ["colours", "\u001b[31mred\u001b[0m", "red"],
    ["a title", "a\u001b]0;title\u0007b", "ab"],
    ["a title that is not ended", "a\u001b]0;title", "a"],
    ["the direction of writing", "a\u202eb\u2066c", "abc"],
    ["a bell, and a C1 character", "a\u0007\u009bb", "ab"],
    ["lines and tabs stay", "a\n\tb", "a\n\tb"],
    ["other languages stay", "锤子 ⚒ é", "锤子 ⚒ é"],
  ];
  for (const [name, given, want] of cases) {
    assert.equal(plain(given), want, name);
  }
});

test("labels have one line and an end", () => {
  assert.equal(label(" a\n  b\u001b[1m "), "a b");
  assert.equal(label("x".repeat(20), 10), `${"x".repeat(9)}…`);
});

test("Markdown shows text letter by letter", () => {
  assert.equal(literal("[a](command:b) *c* <d>"), "\\[a\\]\\(command:b\\) \\*c\\* \\<d\\>");
});

test("messages get their arguments", () => {
  assert.equal(english("{0} since {1}", "ada", 9), "ada since 9");
  assert.equal(capital("go on"), "Go on");
});

test("sentences begin with a capital, and names stay as they are", () => {
  for (const [text, want] of [
    ["wait until that session is over", "Wait until that session is over"],
    ["replace it? it restarts", "Replace it? it restarts"],
    ["bob@desk (bob) has deployment/web", "bob@desk (bob) has deployment/web"],
    ["deployment/web is in use", "deployment/web is in use"],
    ["rolebinding", "Rolebinding"],
    ["", ""],
  ] as const) {
    assert.equal(capital(text), want);
  }
});
