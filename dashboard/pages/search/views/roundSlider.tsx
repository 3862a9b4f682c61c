/** Through the rounds by hand or by itself, with where stages begin. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../../ui/controls.tsx";
import { RangeField } from "../../../ui/fields.tsx";
import { type Step, spansOf, whenOf } from "./policySteps.ts";

const frameMs = 350;

interface RoundSliderProps {
  steps: readonly Step[];
  index: number;
  onIndex(index: number): void;
}

export function RoundSlider({ steps, index, onIndex }: RoundSliderProps) {
  const [isPlaying, setPlaying] = useState(false);
  const last = steps.length - 1;
  const latest = useRef({ index, last, onIndex });
  latest.current = { index, last, onIndex };
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setInterval(() => {
      const now = latest.current;
      if (now.index + 1 >= now.last) setPlaying(false);
      now.onIndex(Math.min(now.last, now.index + 1));
    }, frameMs);
    return () => clearInterval(timer);
  }, [isPlaying]);
  const play = () => {
    if (!isPlaying && index >= last) onIndex(0);
    setPlaying(!isPlaying);
  };
  const byHand = (to: number) => {
    setPlaying(false);
    onIndex(to);
  };
  const step = steps[index];
  return (
    <section class="card policy-slider" aria-label="Rounds">
      <div class="policy-play">
        <Button onClick={play} aria-pressed={isPlaying}>
          {isPlaying ? "Pause" : "Play"}
        </Button>
        <RangeField
          label="Round"
          min={0}
          max={last}
          step={1}
          value={index}
          text={step === undefined ? "" : whenOf(step)}
          onValue={byHand}
        />
      </div>
      <ol class="policy-stages" aria-label="Stages">
        {spansOf(steps).map(({ stage, first, count }) => (
          <li key={first} style={{ flexGrow: String(count) }}>
            <button
              type="button"
              aria-current={step?.stage === stage ? "step" : undefined}
              aria-label={`To the begin of stage ${stage + 1}, round ${steps[first]?.round}`}
              onClick={() => byHand(first)}
            >
              Stage {stage + 1}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
