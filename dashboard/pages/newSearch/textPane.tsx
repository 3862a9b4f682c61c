/** The specification as text, beside the form. */

import { useId } from "preact/hooks";
import { CopyButton } from "../../ui/controls.tsx";
import { type Draft, draftOf, type Format, type Parsed } from "./draft.ts";

interface TextPaneProps {
  draft: Draft;
  said: Parsed;
  onDraft(draft: Draft): void;
  /** Given the element, to show where something is wrong. */
  area: { current: HTMLTextAreaElement | null };
}

const formats: readonly [Format, string][] = [
  ["yaml", "YAML"],
  ["json", "JSON"],
];

export function TextPane({ draft, said, onDraft, area }: TextPaneProps) {
  const id = useId();
  const { fault } = said;
  return (
    <section class="card new-text" aria-label="Specification as text">
      <div class="new-text-head">
        <h2>
          <label for={id}>Specification</label>
        </h2>
        <fieldset class="buttons small">
          <legend class="visually-hidden">Format</legend>
          {formats.map(([format, title]) => (
            <button
              key={format}
              type="button"
              class="button quiet"
              aria-pressed={draft.format === format}
              disabled={said.value === null}
              onClick={() => {
                // Written anew, it would lose its comments.
                if (said.value !== null && format !== draft.format) onDraft(draftOf(said.value, format));
              }}
            >
              {title}
            </button>
          ))}
        </fieldset>
        <div class="buttons small">
          <CopyButton text={draft.text} />
        </div>
      </div>
      <textarea
        id={id}
        ref={area}
        rows={16}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="none"
        value={draft.text}
        aria-describedby={fault === null ? `${id}-hint` : `${id}-problem`}
        {...(fault !== null && { "aria-invalid": true })}
        onInput={(event) => onDraft({ ...draft, text: event.currentTarget.value })}
      />
      {fault === null ? (
        <p class="hint" id={`${id}-hint`}>
          The same as the form: change either. Fields that the form lacks are set here.
        </p>
      ) : (
        <p class="field-problem" id={`${id}-problem`}>
          {fault}
        </p>
      )}
    </section>
  );
}
