import { MARK_WORDS, type Mark } from '../state/compare';
import { MARK_SHAPES } from './shapes';
import { StateIcon } from './StateIcon';

/** How something differs: its shape and its word. */
export function MarkText({ mark }: { mark: Mark }) {
  return (
    <span class={`mark-text ${mark}`}>
      <StateIcon state={MARK_SHAPES[mark]} silent /> {MARK_WORDS[mark]}
    </span>
  );
}
