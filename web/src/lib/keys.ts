import type { Clock } from './clock';

/** Key combinations as in the help: `t`, `Ctrl+k`, `g c`, `ArrowLeft`. What answers `false` leaves the key to the browser. */
export type Bindings = Readonly<Record<string, () => unknown>>;

/** How long the first key of `g c` waits for the second. */
const SEQUENCE_MS = 1_000;

type KeyPress = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'target' | 'preventDefault'>;

/** Where keys write text, they are not commands. */
function writesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

/** Keys that a focused control needs for itself. */
function belongsToControl(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (key === 'Enter' || key === ' ') return target.closest('a, button, summary, tr[tabindex]') !== null;
  return key.startsWith('Arrow') && target.closest('tr[tabindex], [role="listbox"]') !== null;
}

function nameOf(event: KeyPress): string {
  const modifier = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
  const shift = event.shiftKey && event.key.length > 1 ? 'Shift+' : '';
  return modifier + shift + (modifier ? event.key.toLowerCase() : event.key);
}

/** Turns key presses into commands; holds the pending first key of a sequence. */
export class Keyboard {
  readonly #bindings: Bindings;
  readonly #clock: Clock;
  #pending = '';
  #pendingUntil = 0;

  constructor(bindings: Bindings, clock: Clock) {
    this.#bindings = bindings;
    this.#clock = clock;
  }

  /** True if the press was a command. */
  press(event: KeyPress): boolean {
    if (event.altKey) return false;
    const name = nameOf(event);
    if (writesText(event.target) && !name.startsWith('Ctrl+')) return false;
    if (belongsToControl(event.target, event.key)) return false;
    const run = this.#find(name);
    if (!run || run() === false) return false;
    event.preventDefault();
    return true;
  }

  #find(name: string): (() => unknown) | undefined {
    const open = this.#pending !== '' && this.#clock.now() < this.#pendingUntil;
    const sequence = open ? this.#bindings[`${this.#pending} ${name}`] : undefined;
    this.#pending = '';
    if (sequence) return sequence;
    if (Object.keys(this.#bindings).some((keys) => keys.startsWith(`${name} `))) {
      this.#pending = name;
      this.#pendingUntil = this.#clock.now() + SEQUENCE_MS;
    }
    return this.#bindings[name];
  }
}
