import type { ComponentChildren } from 'preact';

/** One line of a list of facts: its name and what it is. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
