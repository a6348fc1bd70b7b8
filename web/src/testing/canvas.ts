import type { Palette } from '../chart/palette';
import type { Path } from '../chart/route';

/** Every colour is its own name, so that a test can ask for it. */
export const PALETTE = new Proxy({}, { get: (_, name) => String(name) }) as Palette;

/** One thing put on a canvas, with the state that it was drawn in. */
export interface Mark {
  op: 'fillText' | 'strokeText' | 'fill' | 'stroke' | 'fillRect' | 'drawImage';
  text: string;
  /** Where text stands, or the rectangle, or what an image covers. */
  args: readonly number[];
  /** The path of a fill or stroke: names and numbers of its calls. */
  path: readonly string[];
  fill: string;
  stroke: string;
  alpha: number;
  width: number;
  dash: readonly number[];
  font: string;
}

/** What was drawn on a canvas since it was last wiped. */
export class Drawing {
  readonly marks: Mark[] = [];

  get texts(): string[] {
    return this.of('fillText').map((m) => m.text);
  }

  of(op: Mark['op']): Mark[] {
    return this.marks.filter((m) => m.op === op);
  }

  /** The last text of these words. */
  text(words: string): Mark {
    const found = this.of('fillText').filter((m) => m.text === words).at(-1);
    if (!found) throw new Error(`nothing says ${words}; there is ${this.texts.join(' | ')}`);
    return found;
  }

  /** Strokes along a course; the last end is set back where there is a head. */
  along({ x, y, curves }: Path): Mark[] {
    const last = `bezierCurveTo ${curves.slice(-6, -2).join()},`;
    return this.of('stroke').filter((m) => m.path[0] === `moveTo ${x},${y}` && m.path.at(-1)?.startsWith(last));
  }

  wipe(): void {
    this.marks.length = 0;
  }
}

const STATE = { fillStyle: '#000', strokeStyle: '#000', globalAlpha: 1, lineWidth: 1, font: '10px sans-serif', dash: [] as readonly number[] };

/** A canvas that keeps what is drawn on it; text is 6 units a letter, whatever its size. */
export function fakeCanvas(): { canvas: HTMLCanvasElement; drawn: Drawing } {
  const drawn = new Drawing();
  const ctx = fakeContext(drawn);
  const canvas = {
    getContext: () => ctx,
    cloneNode: () => fakeCanvas().canvas,
    width: 300,
    height: 150,
  } as unknown as HTMLCanvasElement;
  return { canvas, drawn };
}

/** The 2D context that writes into a drawing. */
export function fakeContext(drawn: Drawing): CanvasRenderingContext2D {
  let state = { ...STATE };
  const stack: (typeof STATE)[] = [];
  let path: string[] = [];
  const mark = (op: Mark['op'], text: string, args: readonly number[], along: readonly string[] = []): void => {
    drawn.marks.push({
      op,
      text,
      args,
      path: along,
      fill: state.fillStyle,
      stroke: state.strokeStyle,
      alpha: state.globalAlpha,
      width: state.lineWidth,
      dash: state.dash,
      font: state.font,
    });
  };
  const shape = (given: unknown): readonly string[] => (given === undefined ? [...path] : ['a shape']);
  const known: Record<string, (...args: never[]) => unknown> = {
    beginPath: () => (path = []),
    measureText: (text: string) => ({ width: text.length * 6 }),
    fillText: (text: string, x: number, y: number) => mark('fillText', text, [x, y]),
    strokeText: (text: string, x: number, y: number) => mark('strokeText', text, [x, y]),
    fillRect: (...args: number[]) => mark('fillRect', '', args),
    drawImage: (_: unknown, ...args: number[]) => mark('drawImage', '', args),
    fill: (given?: unknown) => mark('fill', '', [], shape(given)),
    stroke: (given?: unknown) => mark('stroke', '', [], shape(given)),
    setLineDash: (dash: readonly number[]) => (state.dash = dash),
    save: () => stack.push({ ...state }),
    restore: () => (state = stack.pop() ?? { ...STATE }),
  };
  return new Proxy(known, {
    get: (_, name: string) => known[name] ?? (name in state ? state[name as keyof typeof STATE] : (...args: unknown[]) => path.push(`${name} ${args.join()}`)),
    set: (_, name: string, value: never) => {
      state[name as keyof typeof STATE] = value;
      return true;
    },
  }) as unknown as CanvasRenderingContext2D;
}
