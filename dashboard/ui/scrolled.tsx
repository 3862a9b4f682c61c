/** What is wider than its place: it scrolls sideways, and without a pointer by the keyboard. */

import type { ComponentChildren } from "preact";

interface ScrolledProps {
  /** Its name for who does not see it. */
  label: string;
  class: string;
  children: ComponentChildren;
}

export const Scrolled = ({ label, class: className, children }: ScrolledProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
  <section class={className} tabIndex={0} aria-label={label}>
    {children}
  </section>
);
