/** A form whose fields are told what the edge says of them, each beside itself and the rest above the button. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiProblem, type FieldProblem, lineOf } from "../../app/problem.ts";
import { Button } from "../../ui/controls.tsx";

interface FormProps {
  title: string;
  /** What the button says. */
  verb: string;
  /** JSON pointers that a field shows the problems of. */
  shown: readonly string[];
  /** Throws what the edge answers. */
  onSubmit(): Promise<unknown>;
  onCancel(): void;
  children: (problemOf: (pointer: string) => string | undefined) => ComponentChildren;
}

const isAt = (pointer: string, problem: FieldProblem): boolean =>
  problem.pointer === pointer || problem.pointer.startsWith(`${pointer}/`);

export function Form({ title, verb, shown, onSubmit, onCancel, children }: FormProps) {
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    try {
      await onSubmit();
      setProblems([]);
    } catch (error) {
      const fields = error instanceof ApiProblem ? error.errors : [];
      setProblems(fields.length > 0 ? fields : [{ pointer: "", detail: lineOf(error) }]);
    } finally {
      setBusy(false);
    }
  };
  const problemOf = (pointer: string): string | undefined =>
    problems
      .filter((problem) => isAt(pointer, problem))
      .map(({ detail }) => detail)
      .join("; ") || undefined;
  const others = problems.filter((problem) => !shown.some((pointer) => isAt(pointer, problem)));
  return (
    <form
      class="card setup-form"
      aria-label={title}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void submit();
      }}
    >
      <h2>{title}</h2>
      {children(problemOf)}
      <div role="alert" class="stack" hidden={problems.length === 0}>
        {others.map(({ pointer, detail }) => (
          <p key={`${pointer} ${detail}`} class="field-problem">
            {pointer === "" ? detail : `${pointer.slice(1).replaceAll("/", " › ")}: ${detail}`}
          </p>
        ))}
        {problems.length > 0 && others.length === 0 && (
          <p class="field-problem">Correct the marked {problems.length === 1 ? "field" : "fields"}.</p>
        )}
      </div>
      <div class="buttons">
        <button type="submit" class="button main" disabled={isBusy} aria-busy={isBusy}>
          {verb}
        </button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}

/** Entries of a field that takes several: by comma or line. */
export const entriesOf = (text: string): string[] =>
  text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
