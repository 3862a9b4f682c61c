/** What is wrong with the specification: at once by the schema, then by the edge, which also tells its profile. */

import "../../device/jitless.ts";
import type { InferResponseType } from "hono/client";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { FieldError, Specification } from "../../../shared/specification.ts";
import { checkSpecification, type PushedData } from "../../../shared/validate.ts";
import { api, read } from "../../app/api.ts";
import { ApiProblem, passes } from "../../app/problem.ts";
import type { Value } from "./draft.ts";

export type Profile = InferResponseType<typeof api.profiles.$post>;

/** Long enough that not every key asks. */
const debounceMs = 350;
const retryMs = 3000;

interface Answer {
  /** The specification that it is of, as JSON. */
  of: string;
  profile: Profile | null;
  error: unknown;
}

export interface Checked {
  /** Null where something is wrong with it. */
  specification: Specification | null;
  problems: readonly FieldError[];
  /** Of this or, while that is asked for, of an earlier specification; null before the first. */
  profile: Profile | null;
  isAsking: boolean;
  /** Why the edge could not tell, where it is not the specification. */
  error: unknown;
}

/** @param value null while the text says nothing */
export function useChecked(value: Value | null, pushed: PushedData): Checked {
  const local = useMemo(() => (value === null ? null : checkSpecification(value, pushed)), [value, pushed]);
  const specification = local?.specification ?? null;
  const text = specification === null ? null : JSON.stringify(value);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [last, setLast] = useState<Profile | null>(null);

  useEffect(() => {
    if (text === null || answer?.of === text) return;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      const told = await askedProfile(text, ended.signal);
      if (ended.signal.aborted) return;
      setAnswer(told);
      if (told.profile !== null) setLast(told.profile);
      if (told.error !== null && passes(told.error)) timer = setTimeout(() => void ask(), retryMs);
    };
    timer = setTimeout(() => void ask(), debounceMs);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [text]);

  const current = answer?.of === text ? answer : null;
  const error = current?.error ?? null;
  const refused = error instanceof ApiProblem ? error.errors : [];
  return {
    specification: refused.length > 0 ? null : specification,
    problems: local?.errors ?? refused,
    profile: current?.profile ?? last,
    isAsking: text !== null && current === null,
    error: refused.length > 0 ? null : error,
  };
}

async function askedProfile(of: string, signal: AbortSignal): Promise<Answer> {
  try {
    const profile = await read(api.profiles.$post({ json: JSON.parse(of) }, { init: { signal } }));
    return { of, profile, error: null };
  } catch (error) {
    return { of, profile: null, error };
  }
}
