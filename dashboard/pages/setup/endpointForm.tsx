/** Adds an endpoint: a program of one's own behind https that answers an architecture's values. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { Button } from "../../ui/controls.tsx";
import { TextField } from "../../ui/fields.tsx";
import { Form } from "./form.tsx";

interface Objective {
  name: string;
  unit: string;
}

const mostObjectives = 8;

interface EndpointFormProps {
  onMade(endpoint: { name: string; secret: string }): void;
  onCancel(): void;
}

export function EndpointForm({ onMade, onCancel }: EndpointFormProps) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [objectives, setObjectives] = useState<readonly Objective[]>([{ name: "", unit: "" }]);
  const change = (index: number, values: Partial<Objective>) =>
    setObjectives(objectives.map((one, at) => (at === index ? { ...one, ...values } : one)));
  const submit = async () => {
    const made = await read(api.endpoints.$post({ json: { name, url, objectives: [...objectives] } }));
    onMade({ name: made.name, secret: made.secret });
  };
  return (
    <Form
      title="Add an endpoint"
      verb="Add the endpoint"
      shown={["/name", "/url", ...objectives.map((_, index) => `/objectives/${index}`)]}
      onSubmit={submit}
      onCancel={onCancel}
    >
      {(problemOf) => (
        <>
          <p>
            A program of yours that is asked for the values of an architecture, such as a simulator. Requests
            to it are signed with a secret that you get next.
          </p>
          <div class="setup-pair">
            <TextField
              label="Name"
              hint="As objectives name it."
              required
              placeholder="simulator"
              autocapitalize="none"
              problem={problemOf("/name")}
              value={name}
              onValue={setName}
            />
            <TextField
              label="Address"
              type="url"
              hint="https, and reachable for everybody."
              required
              placeholder="https://lab.example.org/cost"
              problem={problemOf("/url")}
              value={url}
              onValue={setUrl}
            />
          </div>
          {objectives.map((objective, index) => (
            <div class="setup-pair" key={index}>
              <TextField
                label={`Objective ${index + 1}`}
                required
                placeholder="cost"
                autocapitalize="none"
                problem={problemOf(`/objectives/${index}`)}
                value={objective.name}
                onValue={(text) => change(index, { name: text })}
              />
              <TextField
                label={`Unit of objective ${index + 1}`}
                required
                placeholder="cents"
                value={objective.unit}
                onValue={(unit) => change(index, { unit })}
              />
            </div>
          ))}
          <div class="buttons small">
            <Button
              disabled={objectives.length === mostObjectives}
              onClick={() => setObjectives([...objectives, { name: "", unit: "" }])}
            >
              One more objective
            </Button>
            {objectives.length > 1 && (
              <Button onClick={() => setObjectives(objectives.slice(0, -1))}>Take the last away</Button>
            )}
          </div>
        </>
      )}
    </Form>
  );
}
