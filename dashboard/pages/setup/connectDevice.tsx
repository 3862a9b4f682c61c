/** Connects a device: a token that may only measure, in a link and in a code for a phone's camera. */

import { useState } from "preact/hooks";
import { encode } from "uqr";
import { deviceNamePattern, deviceNameRule } from "../../../shared/deviceName.ts";
import type { BrowserBackend } from "../../../shared/measuring.ts";
import { api, read } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { ApiProblem } from "../../app/problem.ts";
import { Button, CopyButton } from "../../ui/controls.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";
import { StatusCard } from "../../ui/states.tsx";
import { deviceLink, modulePath, reachHint } from "./deviceLink.ts";
import { Form } from "./form.tsx";
import { expiryOf, LifetimeField } from "./tokenForm.tsx";
import type { Device } from "./types.ts";

const backends: readonly { value: BrowserBackend | ""; title: string }[] = [
  { value: "", title: "the fastest that works" },
  { value: "webgpu", title: "WebGPU" },
  { value: "webgl", title: "WebGL" },
  { value: "wasm", title: "WebAssembly, on the processor" },
];

interface ConnectProps {
  devices: readonly Device[];
  onClose(): void;
}

export function ConnectDevice({ devices, onClose }: ConnectProps) {
  const [made, setMade] = useState<{ name: string; url: string } | null>(null);
  if (made === null)
    return <LinkForm taken={devices.map(({ name }) => name)} onMade={setMade} onCancel={onClose} />;
  const device = devices.find(({ name }) => name === made.name);
  return <Link {...made} isConnected={device !== undefined} onClose={onClose} />;
}

interface LinkFormProps {
  taken: readonly string[];
  onMade(link: { name: string; url: string }): void;
  onCancel(): void;
}

function LinkForm({ taken, onMade, onCancel }: LinkFormProps) {
  const [name, setName] = useState("");
  const [backend, setBackend] = useState<BrowserBackend | "">("");
  const [expiry, setExpiry] = useState({ lifetime: "", at: "" });
  const submit = async () => {
    if (!deviceNamePattern.test(name)) throw refused(deviceNameRule);
    if (taken.includes(name)) throw refused(`there is a device "${name}"; use another name`);
    const json = {
      name: `device ${name}`,
      scopes: ["device" as const],
      ...expiryOf(expiry.lifetime, expiry.at),
    };
    const { token } = await read(api.tokens.$post({ json }));
    onMade({ name, url: deviceLink({ origin: location.origin, token, name, backend }) });
  };
  return (
    <Form
      title="Connect a device"
      verb="Make the link"
      shown={["/name", "/expiresAt"]}
      onSubmit={submit}
      onCancel={onCancel}
    >
      {(problemOf) => (
        <>
          <p>
            Any phone, tablet or computer with a browser measures while a page is open on it; nothing is
            installed. You get a link and a code for its camera.
          </p>
          <div class="setup-pair">
            <TextField
              label="Name"
              hint="As objectives name it: lower case, digits and hyphens."
              required
              placeholder="phone-lab"
              autocapitalize="none"
              problem={problemOf("/name")}
              value={name}
              onValue={setName}
            />
            <SelectField
              label="Runs networks with"
              options={backends}
              value={backend}
              onValue={(value) => setBackend(value)}
            />
            <LifetimeField
              value={expiry.lifetime}
              at={expiry.at}
              problem={problemOf("/expiresAt")}
              onValue={(lifetime, at) => setExpiry({ lifetime, at })}
            />
          </div>
        </>
      )}
    </Form>
  );
}

const refused = (detail: string): ApiProblem =>
  new ApiProblem({
    ...{ status: 422, type: "validation", title: "", detail },
    errors: [{ pointer: "/name", detail }],
  });

interface LinkProps {
  name: string;
  url: string;
  isConnected: boolean;
  onClose(): void;
}

function Link({ name, url, isConnected, onClose }: LinkProps) {
  const reach = reachHint(location.origin);
  return (
    <StatusCard
      tone={isConnected ? "good" : "calm"}
      title={isConnected ? `${name} is connected` : `Open this on ${name}`}
    >
      <div class="setup-code">
        <Code text={url} label={`Code of the link for ${name}`} />
        <div class="stack">
          <p>
            Point the device's camera at the code, or open the link there. It measures while the page is open
            and its screen is on.
          </p>
          <pre class="setup-secret">{url}</pre>
          <p class="hint">
            The link holds a token that may only measure, and is shown this once. It ends when you revoke
            “device {name}” under <a href={addresses.tokens}>Tokens</a>.
          </p>
          {reach !== null && <p class="note">{reach}</p>}
          <p role="status">
            {isConnected ? (
              <>
                It is there. <a href={addresses.device(name)}>Look at {name}</a>
              </>
            ) : (
              "Waiting for it to come…"
            )}
          </p>
          <div class="buttons">
            <CopyButton text={url} what="link" />
            <Button onClick={onClose}>Done</Button>
          </div>
        </div>
      </div>
    </StatusCard>
  );
}

const quietZone = 3;

/** Dark on light whatever the theme is: some cameras read nothing else. */
function Code({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { border: 0 });
  const side = size + 2 * quietZone;
  return (
    <svg
      role="img"
      aria-label={label}
      width="256"
      height="256"
      viewBox={`${-quietZone} ${-quietZone} ${side} ${side}`}
      shape-rendering="crispEdges"
    >
      <rect x={-quietZone} y={-quietZone} width={side} height={side} fill="#ffffff" />
      <path d={modulePath(data)} fill="#000000" />
    </svg>
  );
}
