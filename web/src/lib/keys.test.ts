import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from './clock';
import { Keyboard } from './keys';

let done: string[];
let clock: ManualClock;
let keyboard: Keyboard;

function press(key: string, options: Partial<KeyboardEvent> = {}): boolean {
  const event = { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, target: document.body, preventDefault: () => done.push('prevented') };
  return keyboard.press({ ...event, ...options });
}

function commands(): string[] {
  return done.filter((d) => d !== 'prevented');
}

beforeEach(() => {
  done = [];
  clock = new ManualClock();
  const run = (name: string) => () => done.push(name);
  keyboard = new Keyboard(
    { '/': run('search'), 'Ctrl+k': run('search'), 'g c': run('chart'), 'g n': run('nodes'), n: run('next'), Enter: run('open'), ArrowDown: run('down'), 'Shift+ArrowDown': run('pan'), '?': run('keys') },
    clock,
  );
});

describe('Keyboard', () => {
  it('runs a command and keeps the key from the browser', () => {
    expect(press('/')).toBe(true);
    expect(done).toEqual(['search', 'prevented']);
  });

  it('leaves a key to the browser where the command has nothing to do here', () => {
    const idle = new Keyboard({ ArrowDown: () => false }, clock);
    const event = { key: 'ArrowDown', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, target: document.body, preventDefault: () => done.push('prevented') };
    expect(idle.press(event)).toBe(false);
    expect(done).toEqual([]);
  });

  it('leaves keys that are no command to the browser', () => {
    expect(press('q')).toBe(false);
    expect(press('c')).toBe(false);
    expect(done).toEqual([]);
  });

  it('knows sequences, for one second', () => {
    press('g');
    press('n');
    expect(commands()).toEqual(['nodes']);
    press('g');
    clock.advance(1_001);
    press('n');
    expect(commands()).toEqual(['nodes', 'next']);
  });

  it('forgets the first key when the second leads nowhere', () => {
    press('g');
    press('x');
    press('c');
    expect(commands()).toEqual([]);
  });

  it.each([
    [{ ctrlKey: true }, 'k', ['search']],
    [{ metaKey: true }, 'K', ['search']],
    [{ ctrlKey: true }, 'n', []],
    [{ altKey: true }, '/', []],
    [{ shiftKey: true }, '?', ['keys']],
    [{ shiftKey: true }, 'ArrowDown', ['pan']],
    [{}, 'ArrowDown', ['down']],
  ])('%j %s', (modifiers, key, expected) => {
    press(key, modifiers);
    expect(commands()).toEqual(expected);
  });

  it.each(['input', 'textarea', 'select'])('leaves typing in a %s alone, but not Ctrl K', (tag) => {
    const target = document.createElement(tag);
    press('/', { target });
    press('n', { target });
    expect(commands()).toEqual([]);
    press('k', { target, ctrlKey: true });
    expect(commands()).toEqual(['search']);
  });

  it('leaves Enter to links and buttons, and arrows to table rows', () => {
    const row = document.createElement('tr');
    row.tabIndex = 0;
    press('Enter', { target: document.createElement('button') });
    press('ArrowDown', { target: row });
    expect(commands()).toEqual([]);
    press('n', { target: row });
    expect(commands()).toEqual(['next']);
  });
});
