/** All that is wrong, in one list: each leads to its field, or to its place in the text. */

import type { FieldError } from "../../../shared/specification.ts";
import { Button } from "../../ui/controls.tsx";
import { type Draft, placeOf } from "./draft.ts";

interface SummaryProps {
  problems: readonly FieldError[];
  draft: Draft;
  area: { current: HTMLTextAreaElement | null };
}

export const Summary = ({ problems, draft, area }: SummaryProps) => (
  <div class="new-problems">
    <h3>{problems.length === 1 ? "One thing to correct" : `${problems.length} things to correct`}</h3>
    <ul>
      {problems.map(({ pointer, detail }) => (
        <li key={`${pointer} ${detail}`}>
          <Button tone="quiet" onClick={() => lead(pointer, draft, area.current)}>
            {pointer.slice(1).replaceAll("/", " › ") || "specification"}
          </Button>
          <span>{detail}</span>
        </li>
      ))}
    </ul>
  </div>
);

function lead(pointer: string, draft: Draft, area: HTMLTextAreaElement | null): void {
  const field = [...document.querySelectorAll<HTMLElement>("[data-pointer]")]
    .find((element) => element.dataset.pointer === pointer)
    ?.querySelector<HTMLElement>("input, select");
  if (field != null) {
    field.focus();
    return;
  }
  if (area === null) return;
  area.focus();
  const place = placeOf(draft, pointer);
  if (place !== null) area.setSelectionRange(...place);
}
