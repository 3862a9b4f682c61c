/** Fields of forms: a label, what is entered, a hint, and what is wrong with it. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong with it; told with the field. */
  problem?: string | undefined;
}

interface FieldParts {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
}

function Field({
  label,
  hint,
  problem,
  children,
}: FieldProps & { children: (parts: FieldParts) => ComponentChildren }) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(described && { "aria-describedby": described }),
        ...(problem && { "aria-invalid": true }),
      })}
      {problem && (
        <p class="field-problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What an input takes beside its value. */
interface InputProps {
  name?: string;
  required?: boolean;
  disabled?: boolean;
  placeholder?: string;
  autocapitalize?: "none" | "sentences";
}

interface TextFieldProps extends FieldProps, InputProps {
  type?: "text" | "search" | "password" | "url" | "datetime-local";
  /** Offered while one types. */
  suggestions?: readonly string[];
  value: string;
  onValue(value: string): void;
}

export const TextField = ({
  label,
  hint,
  problem,
  suggestions,
  type = "text",
  value,
  onValue,
  ...rest
}: TextFieldProps) => (
  <Field label={label} hint={hint} problem={problem}>
    {(parts) => (
      <>
        <input
          autocomplete="off"
          spellcheck={false}
          {...rest}
          {...parts}
          {...(suggestions && { list: `${parts.id}-list` })}
          type={type as "text"}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
        {suggestions && (
          <datalist id={`${parts.id}-list`}>
            {suggestions.map((suggestion) => (
              <option key={suggestion} value={suggestion} />
            ))}
          </datalist>
        )}
      </>
    )}
  </Field>
);

interface AreaFieldProps extends FieldProps, InputProps {
  rows?: number;
  value: string;
  onValue(value: string): void;
}

/** Several lines, such as a specification. */
export const AreaField = ({ label, hint, problem, rows = 10, value, onValue, ...rest }: AreaFieldProps) => (
  <Field label={label} hint={hint} problem={problem}>
    {(parts) => (
      <textarea
        spellcheck={false}
        {...rest}
        {...parts}
        rows={rows}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    )}
  </Field>
);

interface NumberFieldProps extends FieldProps, InputProps {
  min?: number;
  max?: number;
  /** Null while it is empty or no number. */
  value: number | null;
  onValue(value: number | null): void;
}

export function NumberField({ label, hint, problem, value, onValue, ...rest }: NumberFieldProps) {
  // `0.0` is on the way to `0.05`: what was typed stays while it says the same.
  const [typed, setTyped] = useState("");
  const isTyped = typed !== "" && Number(typed) === value;
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(parts) => (
        <input
          inputMode="decimal"
          step="any"
          {...rest}
          {...parts}
          type="number"
          value={isTyped ? typed : (value ?? "")}
          onInput={({ currentTarget }) => {
            setTyped(currentTarget.value);
            onValue(currentTarget.value === "" ? null : currentTarget.valueAsNumber);
          }}
        />
      )}
    </Field>
  );
}

interface SelectFieldProps<T extends string> extends FieldProps {
  value: T;
  options: readonly { value: T; title: string }[];
  onValue(value: T): void;
}

export const SelectField = <T extends string>({
  label,
  hint,
  problem,
  value,
  options,
  onValue,
}: SelectFieldProps<T>) => (
  <Field label={label} hint={hint} problem={problem}>
    {(parts) => (
      <select {...parts} value={value} onChange={(event) => onValue(event.currentTarget.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.title}
          </option>
        ))}
      </select>
    )}
  </Field>
);

interface CheckFieldProps {
  label: string;
  hint?: ComponentChildren;
  checked: boolean;
  onValue(checked: boolean): void;
}

export function CheckField({ label, hint, checked, onValue }: CheckFieldProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        {...(hint && { "aria-describedby": `${id}-hint` })}
        onChange={(event) => onValue(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface RangeFieldProps extends FieldProps {
  min: number;
  max: number;
  step?: number | "any";
  value: number;
  /** The value as people read it. */
  text: string;
  onValue(value: number): void;
}

export const RangeField = ({
  label,
  hint,
  problem,
  min,
  max,
  step = "any",
  value,
  text,
  onValue,
}: RangeFieldProps) => (
  <Field label={label} hint={hint} problem={problem}>
    {(parts) => (
      <div class="range">
        <input
          {...parts}
          type="range"
          min={min}
          max={max}
          step={step}
          value={value}
          aria-valuetext={text}
          onInput={(event) => onValue(event.currentTarget.valueAsNumber)}
        />
        <output for={parts.id}>{text}</output>
      </div>
    )}
  </Field>
);
