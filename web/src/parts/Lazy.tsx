import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Why code of the page did not come; '' while all of it did. One for all that waits for code. */
const unloaded = signal('');

/**
 * A component whose code comes when it is first shown. Where it does not come, because
 * dotm is away or was replaced by another version, or a proxy refuses it, its place says
 * so, and `Unloaded` once for all of them, with what to do.
 */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return (props: P) => {
    const [, setTurn] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      let here = true;
      load().then(
        (component) => {
          loaded = component;
          if (here) setTurn(1);
        },
        (error: unknown) => {
          if (here) setFailed(true);
          notLoaded(error);
        },
      );
      return () => {
        here = false;
      };
    }, []);
    const Loaded = loaded;
    if (Loaded) return <Loaded {...props} />;
    return failed ? <p class="unloaded ink2">This part of the page could not be loaded.</p> : null;
  };
}

/** Has `Unloaded` say that code did not come. */
export function notLoaded(error: unknown): void {
  void reasonOf(error).then((reason) => (unloaded.value = reason));
}

/** What is answered to the address that the browser names: it says that code did not come, and never why. */
async function reasonOf(error: unknown): Promise<string> {
  const address = /https?:\S+|\/\S+/.exec(String(error))?.[0] ?? '';
  const status = await fetch(address, { cache: 'no-store' }).then(
    (answer) => answer.status,
    () => 0,
  );
  if (status === 0) return 'dotm does not answer.';
  if (status === 404) return 'dotm is another version by now.';
  return status === 200 ? 'It is there again.' : `HTTP ${status} was the answer, of dotm or of a proxy before it.`;
}

/** Says once that code did not come, and the way on. */
export function Unloaded() {
  if (!unloaded.value) return null;
  return (
    <div class="banner" role="alert">
      Parts of the page could not be loaded. {unloaded.value}
      <button type="button" onClick={() => location.reload()}>
        Load the page anew
      </button>
    </div>
  );
}
