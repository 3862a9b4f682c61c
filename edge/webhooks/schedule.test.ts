import { expect, test } from "vitest";
import { delayAfter, maxTries, retryAfter } from "./schedule.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

test("ten attempts are made, further and further apart", () => {
  const delays = Array.from({ length: maxTries }, (_, tries) => delayAfter(tries, 0.5));
  expect(delays).toEqual([
    0,
    5 * second,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    24 * hour,
  ]);
  expect(delayAfter(maxTries, 0.5)).toBeNull();
});

test("chance moves an attempt by a tenth at most", () => {
  expect(delayAfter(2, 0)).toBe(4.5 * minute);
  expect(delayAfter(2, 1)).toBe(5.5 * minute);
});

test("what the receiver asks for is waited for, a day at most, and never less than without it", () => {
  expect(delayAfter(1, 0.5, hour)).toBe(hour);
  expect(delayAfter(1, 0.5, 1000 * hour)).toBe(24 * hour);
  expect(delayAfter(4, 0.5, second)).toBe(2 * hour);
});

test("Retry-After is read as seconds and as a date", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  expect(retryAfter("120", now)).toBe(2 * minute);
  expect(retryAfter("Tue, 24 Nov 2026 12:10:00 GMT", now)).toBe(10 * minute);
  expect(retryAfter("Tue, 24 Nov 2026 11:00:00 GMT", now)).toBe(0);
  expect(retryAfter("soon", now)).toBeNull();
  expect(retryAfter(null, now)).toBeNull();
});
