/** One operation on one edge: how its probability went, how often it was trained, and why it was pruned. */

import { Fragment } from "preact";
import type { Policy } from "../../../app/api.ts";
import { prunedText } from "../../../pictures/policyHeat.ts";
import { Sparkline } from "../../../pictures/sparkline.tsx";
import { Button } from "../../../ui/controls.tsx";
import { number, operationName, percent, whole } from "../../../ui/format.ts";
import { pruningOf, type Step, trainedOf, whenOf } from "./policySteps.ts";

interface OperationFactsProps {
  policy: Policy;
  steps: readonly Step[];
  step: Step;
  kind: string;
  position: number;
  operation: string;
  onClose(): void;
}

export function OperationFacts({
  policy,
  steps,
  step,
  kind,
  position,
  operation,
  onClose,
}: OperationFactsProps) {
  const edge = step.cells[kind]?.find((one) => one.position === position);
  const probability = edge?.probabilities[operation];
  const course = steps.flatMap(({ cells }) => cells[kind]?.[position]?.probabilities[operation] ?? []);
  const pruning = pruningOf(policy, kind, position, operation);
  const trained = trainedOf(policy, kind, position, operation);
  const effects = pruning?.effects?.[operation] ?? [];
  return (
    <section class="card policy-facts" aria-labelledby="policy-facts" aria-live="polite">
      <h2 id="policy-facts">
        {operationName(operation)} on edge {edge === undefined ? position + 1 : `${edge.from} → ${edge.to}`},{" "}
        {kind}
      </h2>
      <dl>
        <dt>Probability {whenOf(step)}</dt>
        <dd>{probability === undefined ? "no candidate any more" : percent(probability, 3)}</dd>
        {course.length > 1 && (
          <>
            <dt>Over the rounds</dt>
            <dd>
              <Sparkline values={course} label={`Probability of ${operation}`} width={160} /> from{" "}
              {percent(course[0])} to {percent(course.at(-1))}
            </dd>
          </>
        )}
        {trained.map(({ stage, steps: count }) => (
          <Fragment key={stage}>
            <dt>Trained in stage {stage + 1}</dt>
            <dd>{whole(count)} weight steps</dd>
          </Fragment>
        ))}
        {pruning !== undefined && (
          <>
            <dt>Pruned in round {whole(pruning.round)}</dt>
            <dd>{prunedText(pruning.reasons[operation], pruning.stage)}</dd>
          </>
        )}
        {effects.map(({ low, mean, high }, index) => (
          <Fragment key={index}>
            <dt>Its effect in direction {index + 1}</dt>
            <dd>
              {number(mean)}, between {number(low)} and {number(high)}
              {high < 0 ? ": worse for certain" : ""}
            </dd>
          </Fragment>
        ))}
      </dl>
      <div class="buttons">
        <Button onClick={onClose}>Close</Button>
      </div>
    </section>
  );
}
