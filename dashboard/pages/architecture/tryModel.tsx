/** The trained model in the page: on a sample image or on one's own file, as the network sees it. Nothing is sent anywhere. */

import { useEffect, useRef, useState } from "preact/hooks";
import { pixelsOf, type Samples } from "../../../shared/samples.ts";
import type { Training } from "../../app/api.ts";
import { ApiProblem, lineOf } from "../../app/problem.ts";
import { fetchExport } from "../../training/exports.tsx";
import { Button } from "../../ui/controls.tsx";
import { CheckField } from "../../ui/fields.tsx";
import { duration, measured } from "../../ui/format.ts";
import { announce } from "../../ui/toasts.tsx";
import { Answer } from "./answer.tsx";
import type { Classifier } from "./classify.ts";
import { pixelsOfFile, rgbaOf, type Size, seenOf } from "./pixels.ts";

interface TryModelProps {
  /** Of this architecture, newest first. */
  trainings: readonly Training[];
  isLoading: boolean;
  /** Asked for without the right to, they would cost the page its token. */
  maySeeSamples: boolean;
}

export function TryModel({ trainings, isLoading, maySeeSamples }: TryModelProps) {
  const training = trainings.find(({ report }) => report?.exports.tfjs !== undefined);
  return (
    <section class="card" aria-labelledby="try-title">
      <h2 id="try-title">Try the model</h2>
      {training !== undefined ? (
        <Trial key={training.id} training={training} maySeeSamples={maySeeSamples} />
      ) : isLoading ? (
        <p class="hint">Looking for a trained model …</p>
      ) : (
        <p class="hint">
          A finished final training is tried right here, in this browser. Start one, and this becomes a place
          to drop an image.
        </p>
      )}
    </section>
  );
}

type Stage = "idle" | "loading" | "ready";

/** An image as the canvas gave it, or as a sample has it. */
interface Chosen {
  /** Key of a sample, or the file's name. */
  name: string;
  seen: Float32Array;
  /** Of a sample: the class that it has. */
  label: number | null;
}

interface TrialProps {
  training: Training;
  maySeeSamples: boolean;
}

function Trial({ training, maySeeSamples }: TrialProps) {
  const [stage, setStage] = useState<Stage>("idle");
  const [failure, setFailure] = useState<string | null>(null);
  const opened = useRef<{ classifier: Classifier; samples: Samples | null } | null>(null);
  const gone = useRef(new AbortController());
  useEffect(
    () => () => {
      gone.current.abort();
      opened.current?.classifier.dispose();
    },
    [],
  );
  const open = async () => {
    setStage("loading");
    setFailure(null);
    try {
      const [{ openClassifier }, model, samples] = await Promise.all([
        import("./classify.ts"),
        fetchExport(training.id, "tfjs", gone.current.signal),
        maySeeSamples ? samplesOfTraining(training) : null,
      ]);
      const classifier = await openClassifier(new Uint8Array(await model.arrayBuffer()));
      if (gone.current.signal.aborted) return classifier.dispose();
      opened.current = { classifier, samples };
      setStage("ready");
    } catch (error) {
      if (gone.current.signal.aborted) return;
      setFailure(lineOf(error));
      setStage("idle");
    }
  };
  if (stage === "ready" && opened.current !== null)
    return <Bench {...opened.current} maySeeSamples={maySeeSamples} />;
  return (
    <div class="try-start">
      <p>
        The model of the {training.recipe.preset} training,{" "}
        {measured("accuracy", training.report?.testAccuracy)} on the test images, runs in this browser. Images
        stay on this machine.
      </p>
      {failure !== null && (
        <p class="field-problem" role="alert">
          {failure}
        </p>
      )}
      <div class="buttons">
        <Button tone="main" disabled={stage === "loading"} onClick={open}>
          {stage === "loading" ? "Loading the model …" : failure === null ? "Load the model" : "Try again"}
        </Button>
      </div>
    </div>
  );
}

/** Null where the training has none, or where they cannot be had. */
async function samplesOfTraining({ id, report }: Training): Promise<Samples | null> {
  if (report?.exports.samples === undefined) return null;
  try {
    return (await (await fetchExport(id, "samples")).json()) as Samples;
  } catch (error) {
    if (error instanceof ApiProblem) return null;
    throw error;
  }
}

interface BenchProps {
  classifier: Classifier;
  samples: Samples | null;
  maySeeSamples: boolean;
}

function Bench({ classifier, samples, maySeeSamples }: BenchProps) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [file, setFile] = useState<File | null>(null);
  const [isInverted, setInverted] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [answer, setAnswer] = useState<{ probabilities: number[]; tookMs: number } | null>(null);

  const take = async (next: Chosen) => {
    setProblem(null);
    setChosen(next);
    try {
      const found = await classifier.classify(next.seen);
      setAnswer(found);
      const best = found.probabilities.indexOf(Math.max(...found.probabilities));
      announce(`It says ${classifier.classNames[best] ?? `class ${best}`}`);
    } catch (error) {
      setAnswer(null);
      setProblem(lineOf(error));
    }
  };
  const takeFile = async (given: File, inverted: boolean) => {
    try {
      const rgba = await pixelsOfFile(given, classifier);
      await take({ name: given.name, seen: seenOf(rgba, classifier, inverted), label: null });
    } catch (error) {
      setProblem(lineOf(error));
    }
  };
  const onFile = (given: File | undefined) => {
    if (given === undefined) return;
    setFile(given);
    void takeFile(given, isInverted);
  };
  const invert = (inverted: boolean) => {
    setInverted(inverted);
    if (file !== null) void takeFile(file, inverted);
  };
  return (
    <div class="try">
      <div class="stack">
        {samples !== null && (
          <SampleImages
            samples={samples}
            chosen={chosen?.name ?? null}
            onChoose={(next) => {
              setFile(null);
              void take(next);
            }}
          />
        )}
        {!maySeeSamples && (
          <p class="hint">Its own test images show with a token of the scope searches:read.</p>
        )}
        <OwnFile onFile={onFile} />
        {classifier.channels === 1 && (
          <CheckField
            label="Invert my image"
            hint="For networks that were trained on light things before black, such as those of Fashion-MNIST."
            checked={isInverted}
            onValue={invert}
          />
        )}
        {problem !== null && (
          <p class="field-problem" role="alert">
            {problem}
          </p>
        )}
      </div>
      {chosen === null || answer === null ? (
        <p class="hint">Choose an image to see what the network makes of it.</p>
      ) : (
        <div class="try-answer">
          <figure>
            <Pixels seen={chosen.seen} size={classifier} label={`${chosen.name}, as the network sees it`} />
            <figcaption class="hint">
              as the network sees it: {classifier.width}×{classifier.height}
            </figcaption>
          </figure>
          <Answer
            probabilities={answer.probabilities}
            classNames={classifier.classNames}
            label={chosen.label}
          />
          <p class="hint">
            Took {duration(answer.tookMs / 1000)} on this machine, by TensorFlow.js on {classifier.backend}.
          </p>
        </div>
      )}
    </div>
  );
}

interface SampleImagesProps {
  samples: Samples;
  chosen: string | null;
  onChoose(chosen: Chosen): void;
}

const SampleImages = ({ samples, chosen, onChoose }: SampleImagesProps) => (
  <fieldset class="samples">
    <legend>Test images that the network never saw</legend>
    {samples.images.map((image, index) => {
      const seen = Float32Array.from(pixelsOf(image));
      const name = `Sample ${index + 1}, ${samples.classNames[image.label] ?? image.label}`;
      return (
        <button
          key={name}
          type="button"
          aria-label={name}
          title={samples.classNames[image.label] ?? ""}
          aria-pressed={chosen === name}
          onClick={() => onChoose({ name, seen, label: image.label })}
        >
          <Pixels seen={seen} size={samples.image} />
        </button>
      );
    })}
  </fieldset>
);

function OwnFile({ onFile }: { onFile(file: File | undefined): void }) {
  const [isOver, setOver] = useState(false);
  return (
    <label
      class={`own-file ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFile(event.dataTransfer?.files[0]);
      }}
    >
      <span>
        <strong>Your own image</strong>
        <span class="hint"> choose a file, or drop one here</span>
      </span>
      <input
        type="file"
        accept="image/*"
        onChange={({ currentTarget }) => onFile(currentTarget.files?.[0])}
      />
    </label>
  );
}

/** One pixel of the canvas for each of the network's; the page makes it larger without smoothing. */
function Pixels({ seen, size, label }: { seen: ArrayLike<number>; size: Size; label?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const data = new ImageData(rgbaOf(seen, size), size.width, size.height);
    canvas.current?.getContext("2d")?.putImageData(data, 0, 0);
  }, [seen, size]);
  return (
    <canvas
      ref={canvas}
      class="pixels"
      width={size.width}
      height={size.height}
      {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
    />
  );
}
