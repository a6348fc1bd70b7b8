import { SHAPES, type StateName } from './shapes';

interface Props {
  state: StateName;
  size?: number;
  /** The state is written beside it: don't say it twice. */
  silent?: boolean;
  /** CSS variable of another colour than the state's own: a signal may be less than critical. */
  colour?: string;
}

/** A state as its shape, with its name for those who don't see it. */
export function StateIcon({ state, size = 14, silent = false, colour: given }: Props) {
  const shape = SHAPES[state];
  const label = silent ? { 'aria-hidden': true } : { role: 'img' as const, 'aria-label': shape.name };
  const svg = (
    <svg class="state" width={size} height={size} viewBox="0 0 14 14" {...label}>
      {!silent && <title>{shape.name}</title>}
      {shape.marks.map((mark) => {
        const colour = `var(${mark.on ? shape.on : (given ?? shape.colour)})`;
        return (
          <path
            key={`${mark.d} ${mark.stroke}`}
            d={mark.d}
            fill={mark.stroke > 0 ? 'none' : colour}
            stroke={mark.stroke > 0 ? colour : 'none'}
            stroke-width={mark.stroke}
            stroke-linecap="round"
            {...(mark.dash ? { 'stroke-dasharray': mark.dash.join(' ') } : {})}
          />
        );
      })}
    </svg>
  );
  if (silent) return svg;
  // On paper nothing can be pointed at: the word stands beside the shape.
  return (
    <>
      {svg}
      <span class="state-word" data-word={shape.name} />
    </>
  );
}
