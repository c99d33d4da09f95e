import { type ChangeEvent, useId, useRef, useState } from "react";
import { limits } from "../../../contracts/limits.ts";
import { ApiError, type Style, uploadLogo } from "../api.ts";
import { messages } from "../messages.ts";
import { Button, Choice, Field } from "./basics.tsx";

const logoTypes = "image/png,image/jpeg,image/svg+xml";

const moduleShapes = [
  ["square", messages.style.square],
  ["rounded", messages.style.rounded],
  ["dot", messages.style.dot],
] as const;
const finderShapes = [
  ["square", messages.style.square],
  ["rounded", messages.style.rounded],
  ["circle", messages.style.circle],
] as const;

/** How a symbol looks. */
export function StyleFields({
  style,
  onChange,
  issueOf,
}: {
  style: Style;
  onChange(style: Style): void;
  issueOf(field: keyof Style): string | undefined;
}) {
  const set = (change: Partial<Style>) => onChange({ ...style, ...change });
  return (
    <fieldset className="style-fields">
      <legend>{messages.style.title}</legend>
      <div className="row">
        <ColourField
          label={messages.style.names.foreground ?? ""}
          value={style.foreground}
          onChange={(foreground) => set({ foreground })}
          issue={issueOf("foreground")}
        />
        <ColourField
          label={messages.style.names.background ?? ""}
          value={style.background}
          onChange={(background) => set({ background })}
          issue={issueOf("background")}
        />
      </div>
      <Choice
        label={messages.style.names.module_shape ?? ""}
        value={style.module_shape}
        options={moduleShapes}
        onChange={(module_shape) => set({ module_shape })}
      />
      <Choice
        label={messages.style.names.finder_shape ?? ""}
        value={style.finder_shape}
        options={finderShapes}
        onChange={(finder_shape) => set({ finder_shape })}
      />
      {style.finder_shape !== "square" && (
        <p className="note" role="status">
          {messages.style.finderNote}
        </p>
      )}
      <LogoField style={style} set={set} issue={issueOf("logo") ?? issueOf("logo_size")} />
      <Field
        label={messages.style.names.caption ?? ""}
        maxLength={40}
        value={style.caption ?? ""}
        onChange={(event) => set({ caption: event.target.value || null })}
        hint={messages.style.captionHint}
        issue={issueOf("caption")}
      />
    </fieldset>
  );
}

function ColourField({
  label,
  value,
  onChange,
  issue,
}: {
  label: string;
  value: string;
  onChange(value: string): void;
  issue: string | undefined;
}) {
  return (
    <div className="colour">
      <Field
        label={label}
        type="color"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        issue={issue}
      />
      <span className="mono muted">{value}</span>
    </div>
  );
}

function LogoField({
  style,
  set,
  issue,
}: {
  style: Style;
  set(change: Partial<Style>): void;
  issue: string | undefined;
}) {
  const id = useId();
  const [fault, setFault] = useState<string>();
  // Other parts of the style may change while a file is uploaded.
  const latest = useRef(set);
  latest.current = set;
  async function choose(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const file = event.target.files?.[0];
    if (!file) return;
    if (!logoTypes.split(",").includes(file.type) || file.size > limits.logoBytesMax) {
      setFault(messages.style.logoRule);
      return;
    }
    try {
      const logo = await uploadLogo(file);
      latest.current({ logo });
      setFault(undefined);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      setFault((error instanceof ApiError && error.issueOf("logo")) || error.message);
    }
  }
  const note = fault ?? issue;
  return (
    <div className={note ? "field faulty" : "field"}>
      <label htmlFor={id}>{messages.style.names.logo}</label>
      <div className="row">
        <input id={id} type="file" accept={logoTypes} onChange={choose} aria-describedby={`${id}-note`} />
        {style.logo !== null && <Button onClick={() => set({ logo: null })}>{messages.style.removeLogo}</Button>}
      </div>
      <p id={`${id}-note`} className="note">
        {note ?? messages.style.logoRule}
      </p>
      {style.logo !== null && (
        <Field
          label={`${messages.style.names.logo_size}: ${style.logo_size} %`}
          type="range"
          min={10}
          max={30}
          value={style.logo_size}
          onChange={(event) => set({ logo_size: Number(event.target.value) })}
        />
      )}
    </div>
  );
}
