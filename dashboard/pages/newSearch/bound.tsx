/** Fields that read and write a place of the specification; a problem's pointer finds them by `data-pointer`. */

import type { ComponentChildren } from "preact";
import { pointerOf } from "../../../shared/jsonPointer.ts";
import { NumberField, SelectField, TextField } from "../../ui/fields.tsx";
import type { Path } from "./draft.ts";
import type { Form } from "./form.ts";

interface BoundProps {
  form: Form;
  path: Path;
  label: string;
  hint?: ComponentChildren;
}

interface AtProps {
  path: Path;
  class?: string;
  children: ComponentChildren;
}

export const At = ({ path, class: name = "", children }: AtProps) => (
  <div class={`at ${name}`} data-pointer={pointerOf(path)}>
    {children}
  </div>
);

/** A problem with a group of fields. */
export function ProblemAt({ form, path }: { form: Form; path: Path }) {
  const problem = form.problemAt(path);
  return problem === undefined ? null : <p class="field-problem">{problem}</p>;
}

interface TextAtProps extends BoundProps {
  suggestions?: readonly string[];
  placeholder?: string;
}

export function TextAt({ form, path, suggestions, placeholder, ...rest }: TextAtProps) {
  const value = form.at(path);
  return (
    <At path={path}>
      <TextField
        {...rest}
        {...(suggestions && { suggestions })}
        {...(placeholder !== undefined && { placeholder })}
        value={typeof value === "string" || typeof value === "number" ? String(value) : ""}
        problem={form.problemAt(path)}
        onValue={(text) => form.edit(path, text === "" ? undefined : text)}
      />
    </At>
  );
}

interface NumberAtProps extends BoundProps {
  /** What holds without one. */
  usual?: number;
  min?: number;
}

export function NumberAt({ form, path, usual, ...rest }: NumberAtProps) {
  const value = form.at(path);
  return (
    <At path={path}>
      <NumberField
        {...rest}
        {...(usual !== undefined && { placeholder: String(usual) })}
        value={typeof value === "number" ? value : null}
        problem={form.problemAt(path)}
        onValue={(number) => form.edit(path, number ?? undefined)}
      />
    </At>
  );
}

interface SelectAtProps extends BoundProps {
  usual: string;
  options: readonly { value: string; title: string }[];
  /** Of two columns. */
  wide?: boolean;
}

/** What the specification says is among the options, whatever it is. */
export function SelectAt({ form, path, usual, options, wide, ...rest }: SelectAtProps) {
  const told = form.at(path);
  const value = typeof told === "string" ? told : usual;
  const isListed = options.some((option) => option.value === value);
  return (
    <At path={path} {...(wide && { class: "wide" })}>
      <SelectField
        {...rest}
        value={value}
        options={isListed ? options : [...options, { value, title: value }]}
        problem={form.problemAt(path)}
        onValue={(chosen) => form.edit(path, chosen)}
      />
    </At>
  );
}

interface GroupProps {
  title: string;
  path: Path;
  form: Form;
  hint?: ComponentChildren;
  children: ComponentChildren;
}

export const Group = ({ title, path, form, hint, children }: GroupProps) => (
  <At path={path}>
    <section class="card new-group" aria-label={title}>
      <h2>{title}</h2>
      {hint !== undefined && <p class="hint">{hint}</p>}
      <ProblemAt form={form} path={path} />
      {children}
    </section>
  </At>
);
