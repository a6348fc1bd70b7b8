import type { OneLane } from '../chart/down';
import { figure } from '../lib/format';
import { isBad } from '../state/checks';
import { Icon } from './Icon';

interface Props {
  lanes: readonly OneLane[];
  lane: OneLane;
  onLane: (lane: OneLane) => void;
}

/** Which lane of the chart a narrow screen shows, and the way to the others; a swipe goes there too. */
export function LaneBar({ lanes, lane, onLane }: Props) {
  const at = lanes.indexOf(lane);
  const step = (by: number): void => {
    const next = lanes[at + by];
    if (next) onLane(next);
  };
  return (
    <div class="lane-bar" role="group" aria-label="Lane">
      <button type="button" class="plain" aria-label="Previous lane" disabled={at === 0} onClick={() => step(-1)}>
        <Icon name="left" />
      </button>
      <select aria-label="Lane" value={lane.id} onChange={(event) => step(lanes.findIndex((l) => l.id === event.currentTarget.value) - at)}>
        {lanes.map((l) => (
          <option key={l.id} value={l.id}>
            {`${l.title} (${figure(l.boxes.length)})${isBad(l.worst) ? `, ${l.worst}` : ''}`}
          </option>
        ))}
      </select>
      <span class="small ink3">
        {at + 1} of {lanes.length}
      </span>
      <button type="button" class="plain" aria-label="Next lane" disabled={at === lanes.length - 1} onClick={() => step(1)}>
        <Icon name="right" />
      </button>
    </div>
  );
}
