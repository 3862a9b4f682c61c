/** Tokens: who may do what, since when, and until when. */

import { useState } from "preact/hooks";
import { api, read, readAll, useCan } from "../../app/api.ts";
import { addresses, useQuery } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { CheckField } from "../../ui/fields.tsx";
import { ago, time } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Frame } from "./frame.tsx";
import { useSearches } from "./searchField.tsx";
import { Secret } from "./secret.tsx";
import { TokenForm } from "./tokenForm.tsx";
import type { Token } from "./types.ts";

const refreshMs = 15_000;

export default function TokensPage() {
  const mayManage = useCan("admin");
  const [query, change] = useQuery();
  const [made, setMade] = useState<{ name: string; secret: string } | null>(null);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const tokens = useData(
    "tokens",
    (signal) => readAll((page) => api.tokens.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  const isAdding = query.get("new") !== null;
  const revoke = async () => {
    if (revoking === null) return;
    await read(api.tokens[":id"].$delete({ param: { id: revoking.id } }));
    toast(`${revoking.name} is revoked.`);
    tokens.refresh();
  };
  return (
    <Frame
      part="Tokens"
      actions={
        mayManage &&
        !isAdding && (
          <Button tone="main" onClick={() => change({ new: "1" })}>
            New token
          </Button>
        )
      }
    >
      {made !== null && (
        <Secret
          title={`The token ${made.name}`}
          secret={made.secret}
          hint="Copy it to where it is used, such as NASTURTIUM_TOKEN of a machine."
          onDone={() => setMade(null)}
        />
      )}
      {isAdding && (
        <TokenForm
          scope={query.get("new") ?? ""}
          onCancel={() => change({ new: null })}
          onMade={(token) => {
            setMade(token);
            change({ new: null });
            tokens.refresh();
          }}
        />
      )}
      <Loaded of={tokens} what="tokens">
        {(list) => <Tokens list={list} onRevoke={setRevoking} />}
      </Loaded>
      <ConfirmDialog
        title={`Revoke ${revoking?.name ?? "the token"}?`}
        verb="Revoke it"
        isOpen={revoking !== null}
        onClose={() => setRevoking(null)}
        onConfirm={revoke}
      >
        <p>Whatever uses it is refused from its next request on. This cannot be taken back.</p>
      </ConfirmDialog>
    </Frame>
  );
}

const isOver = ({ revokedAt, expiresAt }: Token): boolean =>
  revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= Date.now());

interface TokensProps {
  list: readonly Token[];
  onRevoke(token: Token): void;
}

function Tokens({ list, onRevoke }: TokensProps) {
  const [query, change] = useQuery();
  const searches = useSearches();
  const showsOver = query.get("over") !== null;
  const shown = showsOver ? list : list.filter((token) => !isOver(token));
  const names = new Map(list.map(({ id, name }) => [id, name]));
  const searchNames = new Map(searches.map(({ id, name }) => [id, name]));
  if (list.length === 0)
    return (
      <Empty title="No token yet">
        <p>
          Only the first token, which the deployment was started with, is in use. Give each machine and person
          one of their own: it can be revoked by itself.
        </p>
      </Empty>
    );
  return (
    <>
      {list.some(isOver) && (
        <CheckField
          label="Show those that are revoked or expired"
          checked={showsOver}
          onValue={(checked) => change({ over: checked ? "1" : null })}
        />
      )}
      {shown.length === 0 ? (
        <Empty title="None is valid any more">
          <p>Make a new one for whatever is to use this deployment.</p>
        </Empty>
      ) : (
        <div class="card">
          <Table
            caption="Tokens"
            columns={columnsOf(names, searchNames, onRevoke)}
            rows={shown}
            keyOf={({ id }) => id}
          />
        </div>
      )}
    </>
  );
}

type Names = ReadonlyMap<string, string>;

const columnsOf = (
  names: Names,
  searchNames: Names,
  onRevoke: TokensProps["onRevoke"],
): readonly Column<Token>[] => [
  {
    id: "name",
    title: "Name",
    sortBy: ({ name }) => name,
    cell: ({ name, searchId, instance }) => (
      <div class="setup-name">
        <strong>{name}</strong>
        {searchId !== null && (
          <span class="hint">
            only for <a href={addresses.search(searchId)}>{searchNames.get(searchId) ?? searchId}</a>
          </span>
        )}
        {instance !== null && <span class="hint">its runners are called {instance}</span>}
      </div>
    ),
  },
  {
    id: "scopes",
    title: "May",
    cell: ({ scopes }) => (
      <div class="setup-badges">
        {scopes.map((scope) => (
          <Badge key={scope} tone={scope === "admin" ? "warn" : "calm"}>
            {scope}
          </Badge>
        ))}
      </div>
    ),
  },
  {
    id: "created",
    title: "Made",
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt, createdBy }) => (
      <div class="setup-name">
        <time dateTime={createdAt} title={time(createdAt)}>
          {ago(createdAt)}
        </time>
        <span class="hint">by {makerOf(createdBy, names)}</span>
      </div>
    ),
  },
  {
    id: "used",
    title: "Last used",
    sortBy: ({ lastUsedAt }) => lastUsedAt,
    cell: ({ lastUsedAt }) => (lastUsedAt === null ? <span class="hint">never</span> : ago(lastUsedAt)),
  },
  {
    id: "expires",
    title: "Expires",
    sortBy: ({ expiresAt }) => expiresAt,
    cell: (token) => <Until token={token} />,
  },
  {
    id: "actions",
    title: "Actions",
    cell: (token) =>
      !isOver(token) && (
        <div class="buttons small">
          <Button tone="danger" aria-label={`Revoke ${token.name}`} onClick={() => onRevoke(token)}>
            Revoke
          </Button>
        </div>
      ),
  },
];

const makerOf = (id: string, names: Names): string =>
  id === "environment" ? "the first token" : (names.get(id) ?? id);

function Until({ token }: { token: Token }) {
  const { expiresAt, revokedAt } = token;
  if (revokedAt !== null) return <Badge tone="bad">revoked {ago(revokedAt)}</Badge>;
  if (expiresAt === null) return <span class="hint">never</span>;
  if (isOver(token)) return <Badge>expired {ago(expiresAt)}</Badge>;
  return (
    <time dateTime={expiresAt} title={time(expiresAt)}>
      {ago(expiresAt)}
    </time>
  );
}
