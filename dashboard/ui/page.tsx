/** The head of a page: its one h1, what can be done there, and the title of the tab. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

interface PageHeadProps {
  title: string;
  /** Above the title: where this belongs, as `[title, address]`. */
  within?: readonly (readonly [title: string, href: string])[];
  /** Beside the title: badges and short facts. */
  facts?: ComponentChildren;
  /** To the right: buttons. */
  children?: ComponentChildren;
}

export function PageHead({ title, within = [], facts, children }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Nasturtium`;
  }, [title]);
  return (
    <header class="page-head">
      {within.length > 0 && (
        <nav aria-label="Where this belongs">
          <ol class="crumbs">
            {within.map(([name, href]) => (
              <li key={href}>
                <a href={href}>{name}</a>
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div class="page-title">
        <h1 tabIndex={-1}>{title}</h1>
        {facts}
      </div>
      {children !== undefined && <div class="buttons">{children}</div>}
    </header>
  );
}
