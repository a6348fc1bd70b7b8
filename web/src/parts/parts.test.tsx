import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HintText, splitHint } from './Command';
import { SHAPES, type StateName } from './shapes';
import { StateIcon } from './StateIcon';
import { type Column, Table, sorted } from './Table';

let root = document.createElement('div');

function show(what: preact.ComponentChild): HTMLElement {
  root.remove();
  root = document.createElement('div');
  document.body.append(root);
  void act(() => render(what, root));
  return root;
}

afterEach(() => render(null, root));

describe('StateIcon', () => {
  const states = Object.keys(SHAPES) as StateName[];

  it.each(states)('%s has a text name', (state) => {
    const svg = show(<StateIcon state={state} />).querySelector('svg');
    expect(svg?.getAttribute('role')).toBe('img');
    expect(svg?.getAttribute('aria-label')).toBe(SHAPES[state].name);
    expect(svg?.querySelector('title')?.textContent).toMatch(/\w{2,}/);
  });

  it('has as many names and outlines as states', () => {
    expect(new Set(states.map((s) => SHAPES[s].name)).size).toBe(states.length);
    expect(new Set(states.map((s) => SHAPES[s].marks.map((m) => `${m.d} ${m.stroke} ${m.dash?.join() ?? ''}`).join())).size).toBe(states.length);
  });

  it('is silent beside its own word', () => {
    expect(show(<StateIcon state="OK" silent />).querySelector('svg')?.getAttribute('aria-hidden')).toBe('true');
  });
});

interface Item {
  name: string;
  n: number;
}

const ITEMS: Item[] = [{ name: 'web10', n: 5 }, { name: 'web9', n: 5 }, { name: 'db', n: 70 }];
const COLUMNS: Column<Item>[] = [
  { key: 'name', title: 'Name', value: (i) => i.name, cell: (i) => i.name },
  { key: 'n', title: 'Count', value: (i) => i.n, cell: (i) => i.n, descending: true },
  { key: 'note', title: 'Note', cell: () => <b>{'<b>text</b>'}</b> },
];

describe('sorted', () => {
  it.each([
    ['name', false, ['db', 'web9', 'web10']],
    ['name', true, ['web10', 'web9', 'db']],
    ['n', true, ['db', 'web10', 'web9']],
    ['note', false, ['web10', 'web9', 'db']],
  ])('by %s, descending %s', (key, descending, names) => {
    expect(sorted(ITEMS, COLUMNS, { key, descending }).map((i) => i.name)).toEqual(names);
  });
});

describe('Table', () => {
  function table(onOpen: (item: Item) => void = () => undefined): HTMLElement {
    return show(<Table label="Things" columns={COLUMNS} items={ITEMS} id={(i) => i.name} sort={{ key: 'name', descending: false }} onOpen={onOpen} />);
  }

  function names(): string[] {
    return [...root.querySelectorAll('tbody tr')].map((r) => r.querySelector('td')?.textContent ?? '');
  }

  function key(name: string): void {
    void act(() => void document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true })));
  }

  it('is a table with a name, and says which column sorts it', () => {
    table();
    expect(root.querySelector('table')?.getAttribute('aria-label')).toBe('Things');
    expect(root.querySelector('th')?.getAttribute('aria-sort')).toBe('ascending');
  });

  it('sorts by a click on a head, figures from the largest', () => {
    table();
    const head = root.querySelectorAll<HTMLElement>('th button')[1];
    void act(() => head?.click());
    expect(names()).toEqual(['db', 'web10', 'web9']);
    void act(() => head?.click());
    expect(names().at(-1)).toBe('db');
  });

  it('has one tab stop; arrows walk, Enter opens', () => {
    const onOpen = vi.fn();
    table(onOpen);
    expect(root.querySelectorAll('tbody tr[tabindex="0"]')).toHaveLength(1);
    root.querySelector<HTMLElement>('tbody tr')?.focus();
    key('ArrowDown');
    key('ArrowDown');
    key('ArrowDown');
    key('Enter');
    expect(onOpen).toHaveBeenLastCalledWith(ITEMS[0]);
    key('Home');
    key('Enter');
    expect(onOpen).toHaveBeenLastCalledWith(ITEMS[2]);
  });

  it('puts text in as text', () => {
    table();
    expect(root.querySelector('tbody b')?.textContent).toBe('<b>text</b>');
    expect(root.querySelectorAll('tbody b b')).toHaveLength(0);
  });

  it('says so when there is nothing', () => {
    show(<Table label="Things" columns={COLUMNS} items={[]} id={(i) => i.name} sort={{ key: 'name', descending: false }} empty="No thing is known." />);
    expect(root.textContent).toBe('No thing is known.');
  });
});

it('a hint is words, with flags set as such, and a command to copy only if there is one', () => {
  const flag = show(<HintText hint="all of them: --namespaces all" />);
  expect(flag.textContent).toBe('All of them: --namespaces all');
  expect(flag.querySelector('code')?.textContent).toBe('--namespaces all');
  expect(flag.querySelector('button')).toBeNull();
  const command = show(<HintText hint="all names: sudo dotm up" />);
  expect(command.querySelector('.command code')?.textContent).toBe('sudo dotm up');
});

describe('splitHint', () => {
  it.each([
    ['All names: sudo dotm up', 'All names:', 'sudo dotm up'],
    ['dotm up', '', 'dotm up'],
    ['Run: dotm serve --listen :4849', 'Run:', 'dotm serve --listen :4849'],
    ['All of them: --namespaces all', 'All of them: --namespaces all', ''],
    ['From here they are only looked at with --namespaces all', 'From here they are only looked at with --namespaces all', ''],
    ['All names: run dotm as root of the host', 'All names: run dotm as root of the host', ''],
    ['All names: sudo for two commands, by the line that it prints', 'All names: sudo for two commands, by the line that it prints', ''],
    ['give one its own: rm /etc/machine-id; systemd-machine-id-setup', 'give one its own:', 'rm /etc/machine-id; systemd-machine-id-setup'],
    ['', '', ''],
  ])('%s', (hint, lead, command) => expect(splitHint(hint)).toEqual({ lead, command }));
});
