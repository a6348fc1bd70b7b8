/** A box with its edges: what runs in a container. The chart draws it too, on the same grid of 16. */
export const CONTAINER = 'M8 1.6L13.8 4.8V11.2L8 14.4L2.2 11.2V4.8ZM2.4 4.9L8 8L13.6 4.9M8 8V14.2';

/** A diamond with a ring in it: an address that is at no one place. */
export const VIRTUAL = 'M8 1.4L14.6 8L8 14.6L1.4 8ZM8 6A2 2 0 1 0 8 10A2 2 0 0 0 8 6Z';

/** A pin: what people put where it is. */
export const PIN = 'M5.4 1.6H10.6L9.8 6.2L12.6 9.4H3.4L6.2 6.2ZM8 9.4V14.6';

const ICONS = {
  pin: PIN,
  container: CONTAINER,
  virtual: VIRTUAL,
  host: 'M2 4.4H14V11.6H2ZM4.8 8H4.9M7.6 8H11.4',
  network: 'M2 2.6H6.8V6.4H2ZM9.2 2.6H14V6.4H9.2ZM5.6 9.6H10.4V13.4H5.6Z',
  globe: 'M14.2 8A6.2 6.2 0 1 1 1.8 8A6.2 6.2 0 1 1 14.2 8ZM1.8 8H14.2M8 1.8C12 4.6 12 11.4 8 14.2C4 11.4 4 4.6 8 1.8Z',
  search: 'M7 12.2A5.2 5.2 0 1 0 7 1.8A5.2 5.2 0 0 0 7 12.2ZM10.9 10.9L14.4 14.4',
  settings: 'M1.5 4.5H8.5M12.5 4.5H14.5M1.5 11.5H3.5M7.5 11.5H14.5M10.5 6.5A2 2 0 1 0 10.5 2.5A2 2 0 0 0 10.5 6.5ZM5.5 13.5A2 2 0 1 0 5.5 9.5A2 2 0 0 0 5.5 13.5Z',
  plus: 'M8 3V13M3 8H13',
  minus: 'M3 8H13',
  fit: 'M2 5.5V2H5.5M10.5 2H14V5.5M14 10.5V14H10.5M5.5 14H2V10.5',
  close: 'M4 4L12 12M12 4L4 12',
  down: 'M4.5 6.5L8 10L11.5 6.5',
  up: 'M4.5 9.5L8 6L11.5 9.5',
  left: 'M9.5 4.5L6 8L9.5 11.5',
  right: 'M6.5 4.5L10 8L6.5 11.5',
  incidents: 'M8 1.8L14.6 13.6H1.4ZM8 6V9.6M8 11.4V11.6',
  person: 'M8 7.6A2.9 2.9 0 1 0 8 1.8A2.9 2.9 0 0 0 8 7.6ZM2.4 14.2C2.4 11.4 4.6 10 8 10S13.6 11.4 13.6 14.2',
  chart: 'M1.6 8A2.1 2.1 0 1 0 5.8 8A2.1 2.1 0 0 0 1.6 8ZM10 3.4A2.1 2.1 0 1 0 14.2 3.4A2.1 2.1 0 0 0 10 3.4ZM10 12.6A2.1 2.1 0 1 0 14.2 12.6A2.1 2.1 0 0 0 10 12.6ZM5.8 8C8.5 8 7.8 3.4 10 3.4M5.8 8C8.5 8 7.8 12.6 10 12.6',
  services: 'M2 4H14M2 8H14M2 12H14',
  history: 'M8 2.5A5.5 5.5 0 1 1 2.9 6M2.5 2.8V6.2H5.9M8 5V8.2L10.2 9.6',
  report: 'M3.5 1.8H10L12.8 4.6V14.2H3.5ZM9.8 2V4.9H12.6M5.8 7.6H10.4M5.8 10.4H9',
  checks: 'M14.2 8A6.2 6.2 0 1 1 1.8 8A6.2 6.2 0 1 1 14.2 8ZM5.2 8.2L7.2 10.2L11 6',
  nodes: 'M2.6 2.5H13.4V6.7H2.6ZM2.6 9.3H13.4V13.5H2.6ZM5 4.6H5.1M5 11.4H5.1',
} as const;

export type IconName = keyof typeof ICONS;

/** Decoration beside a word, or inside a control that has its own label. */
export function Icon({ name, dashed = false }: { name: IconName; dashed?: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} {...(dashed ? { 'stroke-dasharray': '2.2 2' } : {})} />
    </svg>
  );
}

/** The mark of dotm. */
export function Mark() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true">
      <path d="M4 10h5l6-5M9 10l5 5" fill="none" stroke="var(--edge)" stroke-width="1.5" stroke-linecap="round" />
      <circle cx="3.6" cy="10" r="2.3" fill="var(--ink)" />
      <circle cx="15.4" cy="4.6" r="2.3" fill="var(--ink)" />
      <circle cx="14.6" cy="15.4" r="3" fill="var(--critical)" />
    </svg>
  );
}
