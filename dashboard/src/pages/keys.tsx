import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { ApiError, ask, type Key, type Propagation, readAll } from "../api.ts";
import {
  Button,
  CopyButton,
  Empty,
  Failed,
  FailedQuery,
  Field,
  Loading,
  Notice,
  PageHead,
  Time,
} from "../components/basics.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Line, Table } from "../components/table.tsx";
import { useUnsaved } from "../components/unsaved.tsx";
import { leave } from "../leaving.ts";
import { messages } from "../messages.ts";
import { useSession } from "../session.ts";

interface Issued {
  key: Key;
  secret: string;
  propagation?: Propagation;
}

type Asking = { kind: "create" } | { kind: "rotate" | "revoke"; key: Key };

export default function KeysPage() {
  const { account } = useSession();
  const query = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => readAll<Key>("/keys", signal),
  });
  const { data: keys, error } = query;
  const [asking, setAsking] = useState<Asking>();
  const [issued, setIssued] = useState<Issued>();
  const [ended, setEnded] = useState<{ name: string; propagation: Propagation }>();
  const close = () => setAsking(undefined);
  const active = keys?.filter(({ status }) => status === "active") ?? [];
  const dead = keys?.filter(({ status }) => status !== "active") ?? [];
  const hasReachedLimit = account?.plan !== "enterprise" && active.length > 0;
  return (
    <>
      <PageHead title={messages.keys.title}>
        <Button kind="primary" onClick={() => setAsking({ kind: "create" })}>
          {messages.keys.create}
        </Button>
      </PageHead>
      <p className="lead">{messages.keys.lead}</p>
      {ended && (
        <Notice kind="good">
          <p role="status">{messages.keys.revoked(ended.name, describe(ended.propagation))}</p>
        </Notice>
      )}
      <FailedQuery query={query} />
      {!keys && !error && <Loading />}
      {keys && active.length === 0 && (
        <Empty title={messages.keys.none}>
          <p>{messages.keys.noneHint}</p>
        </Empty>
      )}
      {active.length > 0 && (
        <div className="card">
          <Table
            caption={messages.keys.active}
            rows={active}
            keyOf={({ id }) => id}
            columns={[
              { label: messages.keys.name, kind: "title", cell: ({ name }) => <Line className="name">{name}</Line> },
              { label: messages.keys.key, kind: "code", cell: (key) => <span className="mono">{shortOf(key)}</span> },
              {
                label: messages.keys.created,
                kind: "date",
                cell: (key) => (
                  <>
                    <Time value={key.created_at} />
                    <Age of={key} />
                  </>
                ),
              },
              {
                label: messages.keys.lastUsed,
                kind: "date",
                cell: (key) => (key.last_used_at ? <Time value={key.last_used_at} /> : messages.keys.never),
              },
              {
                label: messages.actions,
                hidesLabel: true,
                kind: "actions",
                cell: (key) => (
                  <div className="actions">
                    <Button
                      onClick={() => setAsking({ kind: "rotate", key })}
                      aria-label={messages.keys.rotateOf(key.name)}
                    >
                      {messages.keys.rotate}
                    </Button>
                    <Button
                      kind="danger"
                      onClick={() => setAsking({ kind: "revoke", key })}
                      aria-label={messages.keys.revokeOf(key.name)}
                    >
                      {messages.keys.revoke}
                    </Button>
                  </div>
                ),
              },
            ]}
          />
        </div>
      )}
      {dead.length > 0 && (
        <details className="card">
          <summary>{messages.keys.dead(dead.length)}</summary>
          <ul className="plain">
            {dead.map((key) => (
              <li key={key.id}>
                {key.name} <span className="mono muted">{shortOf(key)}</span>{" "}
                {key.status === "rotated" ? messages.keys.rotatedOn : messages.keys.revokedOn}{" "}
                {key.ended_at && <Time value={key.ended_at} />}
              </li>
            ))}
          </ul>
        </details>
      )}
      {issued && <IssuedKey issued={issued} onClose={() => setIssued(undefined)} />}
      {asking?.kind === "create" && (
        <CreateDialog
          hasReachedLimit={hasReachedLimit}
          onClose={close}
          onIssued={(made) => {
            setEnded(undefined);
            setIssued(made);
            close();
          }}
        />
      )}
      {asking && asking.kind !== "create" && (
        <EndDialog
          kind={asking.kind}
          ofKey={asking.key}
          onClose={close}
          onDone={(answer) => {
            const isRotated = "secret" in answer;
            setIssued(isRotated ? answer : undefined);
            setEnded(isRotated ? undefined : { name: asking.key.name, propagation: answer.propagation });
            close();
          }}
        />
      )}
    </>
  );
}

/** What tells a key from others without giving it away. */
const shortOf = ({ prefix, last4 }: Key) => `${prefix}…${last4}`;

/** "dead on 3 of 3 edges in 4 ms" */
function describe({ acknowledged, waited_out, elapsed_ms }: Propagation): string {
  const all = acknowledged + waited_out;
  return messages.keys.reach(acknowledged, all, elapsed_ms < 10 ? elapsed_ms.toFixed(1) : elapsed_ms.toFixed(0));
}

function Age({ of }: { of: Key }) {
  if (of.is_overdue) return <span className="badge warning">{messages.keys.overdue(of.age_days)}</span>;
  if (of.is_old) return <span className="badge">{messages.keys.old(of.age_days)}</span>;
  return null;
}

/** The whole key, which is here this once: it goes when the person says that it is saved, and not before. */
function IssuedKey({ issued, onClose }: { issued: Issued; onClose(): void }) {
  const { key, secret, propagation } = issued;
  const curl = `curl -s ${location.origin}/v1/qr-codes -H "x-api-key: ${secret}"`;
  useUnsaved(true, messages.keys.unsaved);
  return (
    <Dialog title={messages.keys.issued(key.name)} onClose={() => leave(onClose)}>
      <Notice kind="warning">{messages.keys.once}</Notice>
      <div className="secret">
        <code data-testid="secret">{secret}</code>
        <CopyButton value={secret} label={messages.keys.copyKey} />
      </div>
      {propagation && <p role="status">{messages.keys.oldIsDead(describe(propagation))}</p>}
      <h2>{messages.keys.tryIt}</h2>
      <div className="secret">
        <pre>{curl}</pre>
        <CopyButton value={curl} label={messages.keys.copyCommand} />
      </div>
      <ul className="advice">
        {messages.keys.advice.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <div className="actions">
        <Button kind="primary" onClick={onClose}>
          {messages.keys.saved}
        </Button>
      </div>
    </Dialog>
  );
}

function CreateDialog({
  hasReachedLimit,
  onClose,
  onIssued,
}: {
  hasReachedLimit: boolean;
  onClose(): void;
  onIssued(issued: Issued): void;
}) {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask<Issued>("POST", "/keys", { body: { name } }),
    onSuccess({ data }) {
      // First of all: nothing may come between a key and the only sight of it.
      onIssued(data);
      return queries.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  useUnsaved(isPending, messages.keys.underWay);
  useUnsaved(name !== "" && !isPending);
  const isLimit = hasReachedLimit || (error instanceof ApiError && error.code === "key_limit_reached");
  const issue = error instanceof ApiError ? error.issueOf("name") : undefined;
  const close = () => leave(onClose);
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <Dialog title={messages.keys.create} onClose={close}>
      {isLimit ? (
        <>
          <p>{messages.keys.limit}</p>
          <p>{messages.keys.limitHint}</p>
          <div className="actions">
            <Link href="/plan" className="button primary" onClick={onClose}>
              {messages.keys.seePlans}
            </Link>
            <Button onClick={onClose}>{messages.close}</Button>
          </div>
        </>
      ) : (
        <form onSubmit={submit}>
          <Field
            label={messages.keys.name}
            required
            data-autofocus
            maxLength={100}
            value={name}
            onChange={(event) => setName(event.target.value)}
            hint={messages.keys.nameHint}
            issue={issue}
          />
          {!issue && <Failed error={error} />}
          <div className="actions">
            <Button type="submit" kind="primary" busy={isPending}>
              {messages.keys.create}
            </Button>
            <Button onClick={close} disabled={isPending}>
              {messages.cancel}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function EndDialog({
  kind,
  ofKey,
  onClose,
  onDone,
}: {
  kind: "rotate" | "revoke";
  ofKey: Key;
  onClose(): void;
  onDone(answer: Issued | { propagation: Propagation }): void;
}) {
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask<Issued | { propagation: Propagation }>("POST", `/keys/${ofKey.id}/${kind}`),
    onSuccess({ data }) {
      onDone(data);
      return queries.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const isRotate = kind === "rotate";
  useUnsaved(isPending && isRotate, messages.keys.underWay);
  const title = isRotate ? messages.keys.rotateOf(ofKey.name) : messages.keys.revokeOf(ofKey.name);
  return (
    <Dialog title={title} onClose={isPending ? () => {} : onClose}>
      <p>{isRotate ? messages.keys.rotateHint : messages.keys.revokeHint}</p>
      {isPending && (
        <div role="status">
          <progress aria-label={messages.keys.waiting} />
          <p>{messages.keys.waiting}</p>
        </div>
      )}
      <Failed error={error} />
      <div className="actions">
        <Button kind={isRotate ? "primary" : "danger"} busy={isPending} onClick={() => mutate()}>
          {isRotate ? messages.keys.rotate : messages.keys.revoke}
        </Button>
        <Button onClick={onClose} disabled={isPending}>
          {messages.cancel}
        </Button>
      </div>
    </Dialog>
  );
}
