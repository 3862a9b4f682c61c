/** What a network says of an image: its classes by probability, as bars. */

import { percent } from "../../ui/format.ts";

interface AnswerProps {
  probabilities: readonly number[];
  classNames: readonly string[];
  /** The class that the image has; null where nobody knows. */
  label: number | null;
}

const shownClasses = 6;

export function Answer({ probabilities, classNames, label }: AnswerProps) {
  const nameOf = (index: number) => classNames[index] ?? `class ${index}`;
  const ordered = probabilities.map((share, index) => ({ share, index })).sort((a, b) => b.share - a.share);
  const shown = ordered.slice(0, shownClasses);
  const [best] = ordered;
  return (
    <div class="answer">
      <p>
        It says <strong>{best === undefined ? "nothing" : nameOf(best.index)}</strong>
        {label !== null && best !== undefined && (
          <span class={best.index === label ? "right" : "wrong"}>
            {best.index === label ? " ✓ which is right" : ` ✗ it is ${nameOf(label)}`}
          </span>
        )}
      </p>
      <ol>
        {shown.map(({ share, index }) => (
          <li key={index}>
            <span class="answer-name">{nameOf(index)}</span>
            <span class="answer-bar" aria-hidden="true">
              <span style={{ inlineSize: `${100 * share}%` }} />
            </span>
            <span class="answer-share">{percent(share, 3)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
