/** What is around each page of the set-up: its parts as a navigation of their own, so that each has an address. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addresses } from "../../app/place.ts";
import { PageHead } from "../../ui/page.tsx";
import "./setup.css";

const parts = [
  { title: "Overview", href: addresses.setUp },
  { title: "Tokens", href: addresses.tokens },
  { title: "Webhooks", href: addresses.webhooks },
  { title: "Triggers", href: addresses.triggers },
  { title: "Devices", href: addresses.devices },
  { title: "Data and providers", href: addresses.data },
] as const;
export type PartTitle = (typeof parts)[number]["title"];

interface FrameProps {
  part: PartTitle;
  /** Of the page; that of the part without it. */
  title?: string;
  facts?: ComponentChildren;
  /** What can be done here: beside the title. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Frame({ part, title, facts, actions, children }: FrameProps) {
  const here = parts.find((one) => one.title === part);
  const isWithin = title !== undefined && here !== undefined;
  const nav = useRef<HTMLElement>(null);
  useEffect(() => bringIntoView(nav.current), []);
  const heading = title ?? (part === "Overview" ? "Set-up" : part);
  return (
    <>
      <nav class="setup-parts" aria-label="Set-up" ref={nav}>
        {parts.map(({ title: name, href }) => (
          <a key={href} href={href} aria-current={name === part ? (isWithin ? "true" : "page") : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <PageHead
        title={heading}
        facts={facts}
        {...(isWithin && {
          within: [
            ["Set-up", addresses.setUp],
            [here.title, here.href],
          ],
        })}
      >
        {actions}
      </PageHead>
      {children}
    </>
  );
}

/** On a phone the parts are wider than the screen: the one that is shown is brought to the middle. */
function bringIntoView(nav: HTMLElement | null): void {
  const current = nav?.querySelector<HTMLElement>("[aria-current]");
  if (nav == null || current == null) return;
  nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.clientWidth) / 2;
}
