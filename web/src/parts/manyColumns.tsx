import { figure } from '../lib/format';
import { severity } from '../state/checks';
import type { Many } from '../state/many';
import { StateIcon } from './StateIcon';
import type { Column } from './Table';

function count(key: 'members' | 'services' | 'connections', title: string): Column<Many> {
  return { key, title, class: 'number', descending: true, value: (m) => m[key], cell: (m) => figure(m[key]) };
}

/** Of a pool or group: its worst, its name, and how many of its nodes are in trouble. */
export const MANY_COLUMNS: readonly Column<Many>[] = [
  { key: 'state', title: '', class: 'state', value: (m) => severity(m.worst), cell: (m) => (m.trouble > 0 ? <StateIcon state={m.worst} /> : null) },
  { key: 'name', title: 'Name', class: 'strong', value: (m) => m.title, cell: (m) => m.title },
  { key: 'kind', title: 'Kind', value: (m) => m.kind, cell: (m) => <span class="ink2">{m.kind}</span> },
  { key: 'group', title: 'Group', spare: true, value: (m) => m.group, cell: (m) => m.group },
  count('members', 'Nodes'),
  { key: 'trouble', title: 'In trouble', class: 'number', descending: true, value: (m) => m.trouble * 1000 + severity(m.worst), cell: (m) => (m.trouble > 0 ? `${figure(m.trouble)} of ${figure(m.members)}` : <span class="ink3">none</span>) },
  { key: 'silent', title: 'Not reporting', class: 'number', spare: true, descending: true, value: (m) => m.silent, cell: (m) => (m.silent > 0 ? figure(m.silent) : '') },
  count('services', 'Services'),
  count('connections', 'Connections'),
];
