import { useEffect, useMemo, useState } from 'preact/hooks';

/** A window as narrow as a phone: what stands beside each other elsewhere is one page after the other. */
export const NARROW = '(max-width: 639px)';

/** Whether the window is that narrow, or as narrow as another query says. */
export function useNarrow(than = NARROW): boolean {
  const query = useMemo(() => matchMedia(than), []);
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const apply = (): void => setNarrow(query.matches);
    query.addEventListener('change', apply);
    return () => query.removeEventListener('change', apply);
  }, []);
  return narrow;
}
