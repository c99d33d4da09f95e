import type { UseQueryResult } from "@tanstack/react-query";
import { type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactNode, useEffect, useId, useState } from "react";
import { ApiError } from "../api.ts";
import { messages } from "../messages.ts";
import { useAnnounce } from "./announcer.tsx";

/** Characters beyond which a title is set smaller: a name that people gave may have 200. */
const longTitle = 60;

/** The title of a page, and what can be done on it. The document's title follows. */
export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · QRForge`;
  }, [title]);
  return (
    <header className="page-head">
      <h1 dir="auto" className={title.length > longTitle ? "long" : undefined}>
        {title}
      </h1>
      {children && <div className="actions">{children}</div>}
    </header>
  );
}

export function Button({
  kind = "plain",
  busy = false,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "plain" | "primary" | "danger" | "quiet"; busy?: boolean }) {
  return (
    <button type="button" {...rest} className={`button ${kind}`} disabled={rest.disabled || busy} aria-busy={busy} />
  );
}

/** An input with its label, a hint, and what is wrong with it. */
export function Field({
  label,
  hint,
  issue,
  ...input
}: InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  hint?: string | undefined;
  issue?: string | undefined;
}) {
  const id = useId();
  const note = issue ?? hint;
  return (
    <div className={issue ? "field faulty" : "field"}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        {...input}
        aria-invalid={issue !== undefined}
        {...(note && { "aria-describedby": `${id}-note` })}
      />
      {note && (
        <p id={`${id}-note`} className="note">
          {note}
        </p>
      )}
    </div>
  );
}

export function Select<T extends string>({
  label,
  value,
  options,
  onChange,
  hidesLabel = false,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: NoInfer<T>) => void;
  hidesLabel?: boolean;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className={hidesLabel ? "visually-hidden" : undefined}>
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map(([option, shown]) => (
          <option key={option} value={option}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  );
}

/** One of a few, all in sight. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: NoInfer<T>) => void;
}) {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      {options.map(([option, shown]) => (
        <label key={option} className={option === value ? "chosen" : undefined}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          {shown}
        </label>
      ))}
    </fieldset>
  );
}

export function Notice({
  kind = "info",
  children,
}: {
  kind?: "info" | "warning" | "error" | "good";
  children: ReactNode;
}) {
  return (
    <div className={`notice ${kind}`} role={kind === "error" ? "alert" : undefined}>
      {children}
    </div>
  );
}

export function Failed({ error }: { error: Error | null | undefined }) {
  return error ? <Notice kind="error">{error.message}</Notice> : null;
}

/** What could not be read, with a button to try again unless the answer would be the same. */
export function FailedQuery({
  query: { error, isFetching, refetch },
}: {
  query: Pick<UseQueryResult, "error" | "isFetching" | "refetch">;
}) {
  if (!error) return null;
  const isFinal = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
  return (
    <Notice kind="error">
      <div className="with-action">
        <p>{error.message}</p>
        {!isFinal && (
          <Button busy={isFetching} onClick={() => refetch()}>
            {messages.retry}
          </Button>
        )}
      </div>
    </Notice>
  );
}

export function Loading() {
  return (
    <p className="loading" aria-live="polite">
      {messages.loading}
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ value, label = messages.copy }: { value: string; label?: string }) {
  const announce = useAnnounce();
  const [isCopied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
      announce(messages.copied);
      setTimeout(() => setCopied(false), 2_000);
    } catch {
      announce(messages.copyFailed);
    }
  }
  return (
    <Button onClick={copy} aria-label={`${label}: ${messages.copyHint}`}>
      {isCopied ? messages.copied : label}
    </Button>
  );
}

const dateFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const timeFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const numberFormat = new Intl.NumberFormat("en");

export const formatNumber = (value: number) => numberFormat.format(value);
export const formatDate = (time: string) => dateFormat.format(new Date(time));

/** A moment: the date, and the time on pointing at it. */
export function Time({ value }: { value: string }) {
  return (
    <time dateTime={value} title={timeFormat.format(new Date(value))}>
      {formatDate(value)}
    </time>
  );
}
