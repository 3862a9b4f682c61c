/** What is around every page: navigation, whose token it is, light or dark, and whether the edge answers. */

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, LinkButton } from "../ui/controls.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { time } from "../ui/format.ts";
import { PageHead } from "../ui/page.tsx";
import { Loading, ProblemCard, StatusCard, TokenForm } from "../ui/states.tsx";
import { Toasts } from "../ui/toasts.tsx";
import { connection } from "./api.ts";
import { type Choice, choice, choices, choose } from "./appearance.ts";
import { addresses, place } from "./place.ts";
import { matchOf, type PageProps, type Route, sections } from "./routes.ts";
import { session, signOut } from "./session.ts";
import { useStore } from "./store.ts";

export function Shell() {
  const { path, query } = useStore(place);
  const { refusal, token } = useStore(session);
  const match = matchOf(path === "/" ? "/searches" : path);
  const main = useRef<HTMLElement>(null);
  useFocusOnArrival(main, path);
  useEffect(() => {
    // Somewhere else may be open without the token that was wanted here.
    const now = session.get();
    if (now.refusal !== null && now.token === null) session.set({ ...now, refusal: null });
  }, [path]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Head section={match?.route.section} />
      <Connection />
      <main ref={main} tabIndex={-1}>
        {refusal !== null && (
          <div class="stack narrow">
            <PageHead title={token === null ? "Nasturtium" : "Another token is needed"} />
            <ProblemCard error={refusal} />
          </div>
        )}
        <div class="stack" hidden={refusal !== null}>
          {match === null ? (
            <Nowhere />
          ) : (
            <LoadedPage key={path} route={match.route} params={match.params} query={query} />
          )}
        </div>
      </main>
      <Toasts />
    </>
  );
}

/** Whoever works by keyboard or ear goes on at the new page's title, not where the old link was. */
function useFocusOnArrival(main: { current: HTMLElement | null }, path: string): void {
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
}

function Head({ section }: { section: Route["section"] | undefined }) {
  return (
    <header class="app-head">
      <a class="brand" href={addresses.searches}>
        <img src="/icon.svg" alt="" width="28" height="28" /> Nasturtium
      </a>
      <nav aria-label="Main">
        {sections
          .filter(({ path }) => matchOf(path) !== null)
          .map(({ name, title, path }) => (
            <a key={name} href={`#${path}`} aria-current={name === section ? "page" : undefined}>
              {title}
            </a>
          ))}
      </nav>
      <div class="app-tools">
        <Appearance />
        <Who />
      </div>
    </header>
  );
}

const choiceTitles: Record<Choice, string> = { system: "As the system", light: "Light", dark: "Dark" };
const choiceSigns: Record<Choice, string> = { system: "◐", light: "☀", dark: "☾" };

function Appearance() {
  const current = useStore(choice);
  const next = choices[(choices.indexOf(current) + 1) % choices.length] ?? "system";
  return (
    <button
      type="button"
      class="tool"
      aria-label={`Appearance: ${choiceTitles[current]}. Change to: ${choiceTitles[next]}`}
      title={`Appearance: ${choiceTitles[current]}`}
      onClick={() => choose(next)}
    >
      <span aria-hidden="true">{choiceSigns[current]}</span>
    </button>
  );
}

function Who() {
  const { me, token, isRemembered } = useStore(session);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const name = token === null ? "No token" : (me?.name ?? "Token");
  return (
    <>
      <button type="button" class="tool who" onClick={() => setOpen(true)}>
        <span class="visually-hidden">Token: </span>
        {name}
      </button>
      <Dialog title={token === null ? "Use a token" : "Your token"} isOpen={isOpen} onClose={close}>
        {token !== null && (
          <>
            <dl>
              <dt>Name</dt>
              <dd>{me?.name ?? "not known yet"}</dd>
              <dt>May</dt>
              <dd>{me?.scopes.join(", ") ?? "not known yet"}</dd>
              <dt>Kept</dt>
              <dd>{isRemembered ? "by this browser" : "until this tab is closed"}</dd>
            </dl>
            <div class="buttons">
              <Button
                onClick={() => {
                  signOut();
                  close();
                }}
              >
                Forget the token
              </Button>
            </div>
            <h3>Use another</h3>
          </>
        )}
        <TokenForm onDone={close} />
      </Dialog>
    </>
  );
}

function Connection() {
  const { isLost, since } = useStore(connection);
  const [isOffline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const follow = () => setOffline(!navigator.onLine);
    window.addEventListener("online", follow);
    window.addEventListener("offline", follow);
    return () => {
      window.removeEventListener("online", follow);
      window.removeEventListener("offline", follow);
    };
  }, []);
  if (!isLost && !isOffline) return null;
  return (
    <div class="connection" role="status">
      <strong>Connection lost.</strong>{" "}
      {isLost ? `What is shown is from before ${time(since)}.` : "What is shown may be old."} Trying again by
      itself.
    </div>
  );
}

const Nowhere = () => (
  <div class="stack narrow">
    <PageHead title="There is no such page" />
    <StatusCard tone="warn" title="The address leads nowhere">
      <p>It is mistyped, or from another version.</p>
      <div class="buttons">
        <LinkButton href={addresses.searches}>To the searches</LinkButton>
      </div>
    </StatusCard>
  </div>
);

function LoadedPage({ route, params, query }: PageProps & { route: Route }) {
  const [loaded, setLoaded] = useState<{ Page?: ComponentType<PageProps>; hasFailed?: boolean }>({});
  useEffect(() => {
    let isHere = true;
    route.load().then(
      ({ default: Page }) => isHere && setLoaded({ Page }),
      () => isHere && setLoaded({ hasFailed: true }),
    );
    return () => {
      isHere = false;
    };
  }, [route]);
  const { Page, hasFailed } = loaded;
  if (Page !== undefined) return <Page params={params} query={query} />;
  if (hasFailed !== true) return <Loading what="page" lines={6} />;
  return (
    <StatusCard tone="bad" title="This page could not be loaded">
      <p>The connection is lost, or the edge was updated meanwhile.</p>
      <div class="buttons">
        <Button onClick={() => location.reload()}>Reload</Button>
      </div>
    </StatusCard>
  );
}
