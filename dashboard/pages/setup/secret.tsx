/** A secret that the edge shows once, to be copied now, and a text that is there to be copied. */

import { useEffect, useRef } from "preact/hooks";
import { Button, CopyButton } from "../../ui/controls.tsx";

interface SecretProps {
  title: string;
  secret: string;
  /** What it is for and where it goes. */
  hint: string;
  onDone(): void;
}

export function Secret({ title, secret, hint, onDone }: SecretProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [secret]);
  return (
    <section class="card status good" aria-label={title}>
      <h2 tabIndex={-1} ref={heading}>
        <span class="dot" aria-hidden="true" />
        {title}
      </h2>
      <p>
        <strong>It is shown this once.</strong> {hint}
      </p>
      <pre class="setup-secret">{secret}</pre>
      <div class="buttons">
        <CopyButton text={secret} what="secret" />
        <Button onClick={onDone}>I have stored it</Button>
      </div>
    </section>
  );
}

/** @param what is copied, for the label of the button */
export const Copied = ({ text, what }: { text: string; what: string }) => (
  <div class="setup-copied">
    <pre>{text}</pre>
    <CopyButton text={text} what={what} />
  </div>
);
