import { expect, test } from "vitest";
import { jsonPointerPattern, pointerOf, valueAt } from "./jsonPointer.ts";

/** The example of RFC 6901, section 5. */
const document = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

test.each([
  ["/foo", ["bar", "baz"]],
  ["/foo/0", "bar"],
  ["/", 0],
  ["/a~1b", 1],
  ["/c%d", 2],
  ["/e^f", 3],
  ["/g|h", 4],
  ["/i\\j", 5],
  ['/k"l', 6],
  ["/ ", 7],
  ["/m~0n", 8],
])("the RFC's pointer %j finds its value", (pointer, value) => {
  expect(jsonPointerPattern.test(pointer)).toBe(true);
  expect(valueAt(document, pointer)).toEqual(value);
});

test.each(["/nothing", "/foo/2", "/foo/00", "/foo/length", "/foo/0/x", "/constructor", "/toString"])(
  "%j finds nothing",
  (pointer) => {
    expect(valueAt(document, pointer)).toBeUndefined();
  },
);

test.each(["", "foo", "/a~2", "/a~", "#/a"])("%j is no pointer into a document", (pointer) => {
  expect(jsonPointerPattern.test(pointer)).toBe(false);
});

test("a path is written so that it finds its value again", () => {
  for (const key of Object.keys(document)) expect(valueAt(document, pointerOf([key]))).toBeDefined();
});
