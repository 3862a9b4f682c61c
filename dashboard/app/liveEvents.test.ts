import { expect, test } from "vitest";
import { followEvents, type LiveEvent, type LiveState } from "./liveEvents.ts";
import { ApiProblem, Unreachable } from "./problem.ts";

const message = (sequence: number) =>
  `id: ${sequence}\nevent: stage.completed\ndata: ${JSON.stringify({ type: "stage.completed", data: { sequence }, createdAt: "2026-03-02T09:30:00.000Z" })}\n\n`;

/** A stream of these pieces that then ends, or stays open and says nothing. */
function streamOf(pieces: readonly string[], { isOpen = false } = {}) {
  return (signal: AbortSignal) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
          if (isOpen) signal.addEventListener("abort", () => controller.error(signal.reason));
          else controller.close();
        },
      }),
    );
}

/** Follows over these answers, one a connection, until they are used up. */
async function follow(answers: ((signal: AbortSignal) => Response)[], quietMs?: number) {
  const ended = new AbortController();
  const [sequences, resumed, states, pauses] = [
    [] as number[],
    [] as string[],
    [] as LiveState[],
    [] as number[],
  ];
  await followEvents({
    async open(headers, signal) {
      resumed.push(headers["last-event-id"] ?? "");
      const answer = answers.shift();
      if (answer === undefined) {
        ended.abort();
        throw new Unreachable();
      }
      return answer(signal);
    },
    after: 0,
    signal: ended.signal,
    onEvents: (events: LiveEvent[]) => sequences.push(...events.map(({ sequence }) => sequence)),
    onState: (state) => states.push(state),
    pause: async (ms) => void pauses.push(ms),
    ...(quietMs !== undefined && { quietMs }),
  });
  return { sequences, resumed, states, pauses };
}

test("a stream that ends is resumed after the last event: none is lost, none comes twice", async () => {
  const { sequences, resumed } = await follow([
    streamOf([message(1) + message(2)]),
    // An edge that repeats, and cuts within a message.
    streamOf([message(2) + message(3), message(4).slice(0, 25)]),
    streamOf([message(4).slice(0, 9), message(4).slice(9) + message(5)]),
  ]);
  expect(sequences).toEqual([1, 2, 3, 4, 5]);
  expect(resumed).toEqual(["0", "2", "3", "5"]);
});

test("failures wait longer each time, as the edge asked at first, and a success begins anew", async () => {
  const fails = () => {
    throw new Unreachable();
  };
  const { pauses, sequences, states } = await follow([
    streamOf(["retry: 2000\n\n"]),
    fails,
    fails,
    fails,
    streamOf([message(1)]),
  ]);
  expect(pauses).toEqual([2000, 2000, 4000, 8000, 2000]);
  expect(sequences).toEqual([1]);
  expect(states).toContain("waiting");
});

test("a stream that says nothing any more is given up and resumed", async () => {
  const { sequences, resumed } = await follow(
    [streamOf([message(1)], { isOpen: true }), streamOf([message(2)])],
    20,
  );
  expect(sequences).toEqual([1, 2]);
  expect(resumed).toEqual(["0", "1", "2"]);
});

test("what the edge refuses is not asked for again", async () => {
  const { states, resumed } = await follow([
    () => {
      throw new ApiProblem({ status: 404, type: "not-found", title: "Not found", detail: "gone" });
    },
  ]);
  expect(states.at(-1)).toBe("refused");
  expect(resumed).toHaveLength(1);
});
