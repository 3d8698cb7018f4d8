/** The invitation links of one event: who each is for, the link to copy, its QR code. The index and the console show it. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { InvitationLink } from "../core/event";
import { formatMoment } from "../i18n";
import { common } from "../i18n/common";
import { sentenceFor } from "../i18n/errors";
import { home as t } from "../i18n/home";
import { links, qrAddress } from "../net/api";
import { copyField } from "./clipboard";
import { Button, Notice } from "./components";
import "../css/invitations.css";

export function Invitations({ event }: { event: string }) {
  const known = useSignal<readonly InvitationLink[] | null>(null);
  const error = useSignal<unknown>(null);
  const load = () => {
    error.value = null;
    links(event).then(
      (found) => {
        known.value = found;
      },
      (problem: unknown) => {
        error.value = problem;
      },
    );
  };
  useEffect(load, [event]);
  if (error.value) {
    return (
      <Notice kind="bad">
        <p>{sentenceFor(error.value)}</p>
        <Button small onClick={load}>
          {common().retry}
        </Button>
      </Notice>
    );
  }
  if (!known.value) return <p class="muted">{common().loading}</p>;
  return (
    <ul class="invitations">
      {known.value.map((link) => (
        <Invitation key={link.role} event={event} link={link} />
      ))}
    </ul>
  );
}

function Invitation({ event, link }: { event: string; link: InvitationLink }) {
  const showsQr = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const whom = t().linkFor[link.role];
  return (
    <li class="invitation">
      <div>
        <h3>{whom}</h3>
        <p class="small muted">
          {t().linkMeans[link.role]} {t().linkExpires(formatMoment(link.expires_at))}
        </p>
      </div>
      <div class="invitation-row">
        <input ref={field} class="input" readOnly value={link.url} aria-label={whom} onFocus={(focus) => focus.currentTarget.select()} />
        <Button icon="copy" aria-label={t().copyLink(whom)} onClick={() => void copyField(field.current)}>
          {common().copy}
        </Button>
        <Button
          icon="qr"
          aria-expanded={showsQr.value}
          aria-label={`${showsQr.value ? t().hideQr : t().showQr}: ${whom}`}
          title={showsQr.value ? t().hideQr : t().showQr}
          onClick={() => {
            showsQr.value = !showsQr.value;
          }}
        >
          QR
        </Button>
      </div>
      {showsQr.value && <img class="invitation-qr" src={qrAddress(event, link.role)} alt={t().qrAlt(whom)} width="220" height="220" />}
    </li>
  );
}
