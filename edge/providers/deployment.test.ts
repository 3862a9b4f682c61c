/** Which deployment a machine's name tells. */

import { expect, test } from "vitest";
import { deploymentOf } from "./deployment.ts";

test("a name, and the beginning of one, tells its whole deployment or none", () => {
  expect(deploymentOf("nas-d1-s1-1-t1785542400")).toBe("nas-d1");
  expect(deploymentOf("nas-d1-")).toBe("nas-d1");
  // It may be the beginning of nas-d10.
  expect(deploymentOf("nas-d1")).toBeNull();
  expect(deploymentOf("nas-")).toBeNull();
  expect(deploymentOf("mynas-d1-s1")).toBeNull();
});
