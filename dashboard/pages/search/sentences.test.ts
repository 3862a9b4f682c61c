import { expect, test } from "vitest";
import { webhookEvents } from "../../../shared/webhookEvents.ts";
import { groupOf, sentenceOf, toneOf } from "./sentences.ts";

test("every event that webhooks know has a sentence of its own, with and without its figures", () => {
  for (const type of webhookEvents) {
    const sentence = sentenceOf({ type, data: {} });
    expect(sentence).toMatch(/^\S.*\.$/);
    expect(sentence).not.toMatch(/Something happened|undefined|null|NaN/);
  }
});

test("a sentence has the figures that are known", () => {
  const data = { stage: 0, round: 5, front: 12, hypervolume: 0.5031, edgesPruned: 14 };
  expect(sentenceOf({ type: "stage.completed", data })).toBe(
    "Stage 1 is completed: 12 on the front, hypervolume 0.503, 14 edges pruned.",
  );
  expect(sentenceOf({ type: "rung.completed", data: { rung: 0, trained: 3, seconds: 90 } })).toBe(
    "Rung 1 of short trainings is completed: 3 trained. It took 2 min.",
  );
});

test("an event that is not known says what it says for itself, whatever its name is", () => {
  expect(sentenceOf({ type: "constructor", data: { message: "<b>x</b>" } })).toBe(
    "Something happened: <b>x</b>.",
  );
  expect(toneOf({ type: "toString" })).toBe("calm");
  expect(groupOf({ type: "search.started" })).toBe("search");
});

test("figures of the wrong kind are as if missing", () => {
  expect(sentenceOf({ type: "front.improved", data: { round: 3, size: "many", hypervolume: {} } })).toBe(
    "The front improved in round 3.",
  );
});
