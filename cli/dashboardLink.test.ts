import { expect, test } from "vitest";
import { dashboardLink } from "./dashboardLink.ts";

test("a link to a page of the dashboard keeps place and token in the fragment, which no server sees", () => {
  expect(dashboardLink("https://edge.example", "/searches/a")).toBe("https://edge.example/#/searches/a");
  const { pathname, search, hash } = new URL(
    dashboardLink("https://edge.example", "/searches/a?view=policy", "nst_1"),
  );
  expect([pathname, search]).toEqual(["/", ""]);
  const parameters = new URLSearchParams(hash.slice(1));
  expect(parameters.get("token")).toBe("nst_1");
  expect(parameters.get("go")).toBe("/searches/a?view=policy");
});
