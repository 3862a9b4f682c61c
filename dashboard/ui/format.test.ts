import { expect, test } from "vitest";
import { csv, safeName } from "./download.ts";
import {
  ago,
  bytes,
  duration,
  measured,
  missing,
  money,
  number,
  operationLabel,
  percent,
  whole,
} from "./format.ts";

test("what is missing is a dash, in every unit", () => {
  for (const format of [number, whole, money, duration, bytes, percent, ago])
    for (const value of [null, undefined, Number.NaN]) expect(format(value)).toBe(missing);
  expect(measured("latency.phone-lab", null)).toBe(missing);
});

test("huge and tiny numbers stay short", () => {
  expect([0, 0.503, 61.4, 1234.5, 99_300].map((value) => number(value))).toEqual([
    "0",
    "0.503",
    "61.4",
    "1,235",
    "99,300",
  ]);
  expect([246_106, 999_999, 2_410_000, 9.87e12, 1.2e21, -3e-7].map((value) => number(value))).toEqual([
    "246 k",
    "1 M",
    "2.41 M",
    "9.87 T",
    "1.20e+21",
    "−3.00e-7",
  ]);
  expect(number(Number.POSITIVE_INFINITY)).toBe("∞");
  for (const value of [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE])
    for (const format of [number, money, bytes, (given: number) => duration(given)])
      expect(format(value).length).toBeLessThan(30);
});

test("money, durations and sizes", () => {
  expect([0, 0.004, 1.31, 1204.4, 3.1e6, -2].map(money)).toEqual([
    "$0.00",
    "under $0.01",
    "$1.31",
    "$1,204",
    "$3.1 M",
    "−$2.00",
  ]);
  expect([0.012, 48, 720, 12_000, 180_000].map(duration)).toEqual([
    "12 ms",
    "48 s",
    "12 min",
    "3 h 20 min",
    "2 d 2 h",
  ]);
  expect([0, 512, 984_424].map(bytes)).toEqual(["0 B", "512 B", "961 KiB"]);
  expect(measured("accuracy", 61.44)).toBe("61.4 %");
});

test("operations are short on drawings", () => {
  expect(
    ["sep_conv_3x3", "max_pool_5x5", "skip_connect", "nor_conv_1x1", "conv_3x1_1x3"].map(operationLabel),
  ).toEqual(["sep 3×3", "max 5×5", "skip", "conv 1×1", "conv 3×1 1×3"]);
});

test("files have names that no system stumbles over, and a table's text never becomes a formula", () => {
  expect(safeName(`../<b>"x"</b>.svg`)).toBe("..-b-x-b-.svg");
  expect(
    csv(
      ["a", "b"],
      [
        ["=1+1", -2],
        ['say "x"', null],
      ],
    ),
  ).toBe(`a,b\r\n'=1+1,-2\r\n"say ""x""",\r\n`);
});
