import { useEffect, useState } from 'preact/hooks';
import { type Client, problemOf } from '../api/client';
import type { ChartNode, Problem, RolesChange, RolesDocument } from '../api/types';
import { useApp } from '../app';
import { moveBox } from './moves';
import { capital } from '../lib/format';
import { isMany } from '../state/topology';
import { Icon } from './Icon';

/** Takes a node out of its pool, or out of all groups. */
const NONE = '';
/** Takes back what people decided. */
const FOUND = '\n';

/**
 * Where people decide what a node, pool or group is: its name, the pool and group that it is
 * in, whether it serves everyone. What they decide wins over what is found.
 */
export function RoleTools({ node }: { node: ChartNode }) {
  const { client, session, route } = useApp();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [turn, setTurn] = useState(0);
  const roles = useRoles(client, turn);
  if (!session.mayChange.value || route.value.at || !roles || node.kind === 'internet' || node.kind === 'network') return null;
  const change = async (wish: RolesChange): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await client.changeRoles(wish);
      setTurn((n) => n + 1);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  const many = isMany(node);
  const { choices } = roles;
  const members = (node.members ?? []).map((m) => m.name);
  const nodes = many ? members : [node.name];
  const pools = (roles.pools ?? []).filter((p) => p.id !== node.name);
  const groups = (roles.groups ?? []).filter((g) => g.id !== node.name);
  const inPool = (roles.pools ?? []).find((p) => p.members.includes(node.name))?.id ?? NONE;
  const all = <T,>(value: T): Record<string, T> => Object.fromEntries(nodes.map((n) => [n, value]));
  return (
    <section class="roles" aria-label="What it is">
      <h3>What it is</h3>
      <fieldset disabled={busy}>
        {many && <Rename key={node.name} name={node.title ?? ''} chosen={choices.names?.[node.name] !== undefined} onName={(name) => void change({ names: { [node.name]: name } })} />}
        {node.kind !== 'group' && (
          <Choice
            label={many ? 'Merge into' : 'Pool'}
            value={many ? node.name : inPool}
            options={[...(many ? [[node.name, 'stays a pool of its own'] as const] : [[NONE, 'none'] as const]), ...pools.map((p) => [p.id, `${p.name} ×${p.members.length}`] as const)]}
            chosen={nodes.some((n) => choices.pool?.[n] !== undefined)}
            onChoose={(id) => void change({ pool: all(id === FOUND ? null : id) })}
          />
        )}
        {node.kind !== 'group' && (
          <Choice
            label="Group"
            value={node.group ?? NONE}
            options={[[NONE, 'none'], ...groups.map((g) => [g.id, g.name] as const)]}
            chosen={choices.group?.[node.name] !== undefined}
            onChoose={(id) => void change({ group: { [node.name]: id === FOUND ? null : id } })}
          />
        )}
        {node.kind !== 'group' && (
          <label class="option">
            <input type="checkbox" checked={node.shared ?? false} onChange={() => void change({ shared: all(!node.shared) })} />
            <span>Shared service: it serves everyone, and stands in the strip</span>
          </label>
        )}
      </fieldset>
      <Place node={node} onProblem={setProblem} />
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
    </section>
  );
}

/** The roles as of the last change; null until they are there, or where there are none. */
function useRoles(client: Client, turn: number): RolesDocument | null {
  const [roles, setRoles] = useState<RolesDocument | null>(null);
  useEffect(() => {
    const reading = new AbortController();
    client.roles(reading.signal).then(setRoles, () => undefined);
    return () => reading.abort();
  }, [turn]);
  return roles;
}

function Rename({ name, chosen, onName }: { name: string; chosen: boolean; onName: (name: string | null) => void }) {
  const [text, setText] = useState(name);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (text.trim() !== '' && text.trim() !== name) onName(text.trim());
  };
  return (
    <form class="role" onSubmit={submit}>
      <label>
        <span>Name</span>
        <input class="find" name="name" value={text} maxLength={63} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={text.trim() === '' || text.trim() === name}>
        Rename
      </button>
      {chosen && <TakeBack onClick={() => onName(null)} />}
    </form>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [id: string, name: string])[];
  /** People decided it: it can be taken back. */
  chosen: boolean;
  onChoose: (id: string) => void;
}

function Choice({ label, value, options, chosen, onChoose }: ChoiceProps) {
  return (
    <div class="role">
      <label>
        <span>{label}</span>
        <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
          {options.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {chosen && <TakeBack onClick={() => onChoose(FOUND)} />}
    </div>
  );
}

/** Where its box stands: as it is found, or where somebody put it, which can be taken back. */
function Place({ node, onProblem }: { node: ChartNode; onProblem: (problem: Problem | null) => void }) {
  const app = useApp();
  const { moving } = app;
  const unpin = (): void => void moveBox(app, node.name, null).then(onProblem);
  const pinned = node.layout.pinned ?? false;
  return (
    <div class="place">
      {pinned && (
        <span>
          <Icon name="pin" /> Its box stands where somebody put it.
        </span>
      )}
      {pinned && (
        <button type="button" title="It is placed with the others again." onClick={unpin}>
          Unpin
        </button>
      )}
      <button type="button" class="plain" aria-pressed={moving.value} onClick={() => (moving.value = !moving.value)}>
        Move its box
      </button>
    </div>
  );
}

function TakeBack({ onClick }: { onClick: () => void }) {
  return (
    <button type="button" class="plain" title="People decided this. As it is found again." onClick={onClick}>
      As found
    </button>
  );
}
