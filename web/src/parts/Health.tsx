import type { ComponentChildren } from 'preact';
import { useApp } from '../app';
import type { Connection, Health, Service } from '../api/types';
import { capital, figure, percent, plural, rate, spread } from '../lib/format';
import { isFresh } from '../state/growth';
import { RESENT, isOverflowing, latest, queueText, unclosedText, waitingText, waitsLong } from '../state/health';
import type { Topology } from '../state/topology';
import { fruitless } from '../state/words';
import { Fact } from './Fact';
import { Signal } from './Signal';
import { Age, Moment, Since } from './Time';

/** What the kernel measures on a connection, and what came to nothing; nothing where nothing is known. */
export function HealthSection({ topology, connection: c }: { topology: Topology; connection: Connection }) {
  const { now, signals } = useApp();
  const { health } = c;
  const lines = fruitless(c);
  const told = signals.value.get(c.id) ?? [];
  if (!health && lines.length + told.length === 0) return null;
  const growth = topology.grown.get(c.id);
  const at = latest(topology, now.value);
  const failing = isFresh(growth?.refused, at) || isFresh(growth?.timed_out, at);
  return (
    <section>
      <div class="section-head">
        <h3>Health</h3>
        {health && <span>measured at the {health.end}’s end</span>}
      </div>
      {told.map((t) => (
        <Signal key={t.kind} severity={t.severity}>
          {capital(t.text)}.
        </Signal>
      ))}
      {health && <Warnings connection={c} health={health} now={at} />}
      {lines.map((line) => (
        <Signal key={line} severity={failing && !line.startsWith('failed') ? 'failing' : 'strained'}>
          {capital(line)} since <Moment at={c.first_seen} />.
        </Signal>
      ))}
      {health && <Measures connection={c} health={health} />}
    </section>
  );
}

function Warnings({ connection, health, now }: { connection: Connection; health: Health; now: number }) {
  const waiting = waitingText(health);
  const unclosed = unclosedText(connection);
  return (
    <>
      {waiting && (
        <Signal severity={waitsLong(health, now) ? 'failing' : 'strained'}>
          {waiting}
          <Begun at={health.connecting_since} />.
        </Signal>
      )}
      {unclosed && (
        <Signal severity="strained">
          {unclosed}
          <Begun at={health.close_wait_since} />.
        </Signal>
      )}
    </>
  );
}

function Begun({ at }: { at: string | undefined }) {
  if (!at) return null;
  return (
    <>
      , <Since at={at} />
    </>
  );
}

function Measures({ connection: { client, server }, health: h }: { connection: Connection; health: Health }) {
  const resent = h.retransmit_ratio ?? 0;
  const sent = h.sent_bytes_per_second ?? 0;
  const received = h.received_bytes_per_second ?? 0;
  if (!h.rtt_us && resent === 0 && sent + received === 0) return null;
  return (
    <dl class="facts">
      {h.rtt_us ? <Fact name="Round trip">{spread(h.rtt_us, h.rttvar_us ?? 0)}</Fact> : null}
      {sent + received > 0 && (
        <Fact name="Rate">
          <Way sign="▲" words={`to ${server.node}`}>
            {rate(sent)}
          </Way>
          <Way sign="▼" words={`back to ${client.node}`}>
            {rate(received)}
          </Way>
        </Fact>
      )}
      {resent > 0 && (
        <Fact name="Retransmits">
          {resent >= RESENT.said ? <Signal severity="strained">{percent(resent)} of what is sent</Signal> : `${percent(resent)} of what is sent`}
        </Fact>
      )}
    </dl>
  );
}

/** A rate in one direction; the arrow is for the eye, the words for everyone. */
function Way({ sign, words, children }: { sign: string; words: string; children: ComponentChildren }) {
  return (
    <span class="way" title={words}>
      <span class="ink3" aria-hidden="true">
        {sign}
      </span>{' '}
      {children} <span class="hidden">{words}</span>
    </span>
  );
}

/** What the accept queue of a service says, as facts; trouble is said by `QueueTrouble`. */
export function QueueFacts({ service }: { service: Service }) {
  const text = queueText(service);
  return (
    <>
      {text && <Fact name="Accept queue">{text}</Fact>}
      {(service.drops ?? 0) > 0 && (
        <Fact name="Turned away">
          {plural(service.drops ?? 0, 'connection')} since <Moment at={service.first_seen} />
        </Fact>
      )}
    </>
  );
}

/** Sentences about an accept queue that has no room. */
export function QueueTrouble({ topology, service }: { topology: Topology; service: Service }) {
  const { now } = useApp();
  const drops = topology.grown.get(service.id)?.drops;
  return (
    <>
      {isOverflowing(service) && <Signal severity="failing">The accept queue is full: {queueText(service)}.</Signal>}
      {isFresh(drops, latest(topology, now.value)) && (
        <Signal severity="failing">
          {figure(drops.by)} turned away, the last seen <Age at={new Date(drops.at).toISOString()} />.
        </Signal>
      )}
    </>
  );
}
