import { useEffect, useState } from 'preact/hooks';
import { problemOf } from '../api/client';
import type { Threshold } from '../api/types';
import { shortDuration, typedDuration } from '../lib/format';

/** A kind of signal: what it says, and what its limit is. */
interface Kind {
  title: string;
  help: string;
  /** What stands behind the limit. */
  unit: string;
  /** The limit is a share, written in percent. */
  share?: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  refused: { title: 'Refused', help: 'Attempts to connect are refused, more of them than usual.', unit: 'a minute' },
  unreachable: { title: 'Unreachable', help: 'Attempts to connect get no answer.', unit: 'attempts' },
  queue: { title: 'Accept queue', help: 'More connections wait than may, or are turned away.', unit: 'times what may wait' },
  retransmits: { title: 'Retransmits', help: 'So much of what is sent is sent again.', unit: '% of what is sent', share: true },
  slow: { title: 'Slow', help: 'Round trips take so many times what is usual, and 10 ms more at least.', unit: 'times what is usual' },
  'close-wait': { title: 'Not closed', help: 'A process does not close what its peers closed.', unit: 'connections' },
  ports: { title: 'Local ports', help: 'Taken for connections to one address.', unit: '% of the ports', share: true },
  descriptors: { title: 'File descriptors', help: 'Open in one process.', unit: '% of its limit', share: true },
  stopped: { title: 'Stopped', help: 'A service listens no more that had so many clients.', unit: 'clients' },
  silent: { title: 'Silent nodes', help: 'A node reports no more; so many that fall silent at once are one signal.', unit: 'nodes' },
  gone: { title: 'Gone', help: 'A connection that was open on so many days is not.', unit: 'days' },
};

interface Props {
  signals: Readonly<Record<string, Threshold>>;
  /** dotm.yaml names them. */
  locked: boolean;
  /** This login may only look. */
  readOnly: boolean;
  save: (changed: Record<string, Threshold>) => Promise<void>;
}

/** From when on the sockets show trouble, kind by kind. */
export function SignalSettings({ signals, locked, readOnly, save }: Props) {
  const fixed = locked || readOnly;
  const known = Object.keys(KINDS).filter((kind) => signals[kind]);
  const allOff = known.every((kind) => signals[kind]?.off);
  const switchAll = (off: boolean): Promise<void> =>
    save(Object.fromEntries(known.map((kind) => [kind, { ...(signals[kind] as Threshold), off }])));
  return (
    <div class="form" id="signals">
      <h2 class="head">Signals</h2>
      <p class="ink2">
        Trouble that dotm sees in the sockets, without any monitoring system.
        {locked && <span class="chip">set in dotm.yaml</span>}{' '}
        {!fixed && (
          <button type="button" class="plain" onClick={() => void switchAll(!allOff)}>
            {allOff ? 'Switch all on' : 'Switch all off'}
          </button>
        )}
      </p>
      {known.map((kind) => (
        <Row key={kind} kind={kind} is={signals[kind] as Threshold} fixed={fixed} save={(t) => save({ [kind]: t })} />
      ))}
    </div>
  );
}

/** A number as people write it: no more digits than it has. */
function written(value: number, share = false): string {
  return String(Math.round(value * (share ? 100 : 1) * 1000) / 1000);
}

interface RowProps {
  kind: string;
  is: Threshold;
  fixed: boolean;
  save: (t: Threshold) => Promise<void>;
}

function Row({ kind, is, fixed, save }: RowProps) {
  const { title, help, unit, share } = KINDS[kind] as Kind;
  const [limit, setLimit] = useState(written(is.limit, share));
  const [hold, setHold] = useState(shortDuration(is.for));
  const [error, setError] = useState('');
  useEffect(() => {
    setLimit(written(is.limit, share));
    setHold(shortDuration(is.for));
  }, [is.limit, is.for]);
  const send = async (off: boolean): Promise<void> => {
    try {
      await save({ off, limit: Number(limit.replace(',', '.')) / (share ? 100 : 1), for: typedDuration(hold) });
      setError('');
    } catch (e) {
      const { detail, title: said } = problemOf(e);
      setError(detail || said);
    }
  };
  const changed = limit !== written(is.limit, share) || hold !== shortDuration(is.for);
  const id = `signal-${kind}`;
  return (
    <div class="field">
      <label for={id}>
        {title}
        <span class="help">{help}</span>
      </label>
      <form
        class="control"
        onSubmit={(event) => {
          event.preventDefault();
          void send(is.off);
        }}
      >
        <div class="threshold">
          <label>
            <input id={id} type="checkbox" checked={!is.off} disabled={fixed} onChange={(event) => void send(!event.currentTarget.checked)} /> told
          </label>
          <label>
            from <input type="text" inputMode="decimal" aria-label={`${title}: limit`} value={limit} disabled={fixed || is.off} onInput={(event) => setLimit(event.currentTarget.value)} /> {unit}
          </label>
          <label>
            for <input type="text" aria-label={`${title}: for how long`} value={hold} disabled={fixed || is.off} onInput={(event) => setHold(event.currentTarget.value)} />
          </label>
        </div>
        {error && (
          <div class="error" role="alert">
            {error}
          </div>
        )}
        {changed && (
          <button type="submit" class="strong">
            Save
          </button>
        )}
      </form>
    </div>
  );
}
