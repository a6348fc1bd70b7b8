import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/**
 * A component whose code comes when it is first shown. Where it does not come, because
 * dotm is away or was replaced by another version, that is said, with what to do.
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
        () => here && setFailed(true),
      );
      return () => {
        here = false;
      };
    }, []);
    const Loaded = loaded;
    if (Loaded) return <Loaded {...props} />;
    return failed ? <Missing /> : null;
  };
}

function Missing() {
  return (
    <div class="problem unloaded" role="alert">
      <h2>This part of the page could not be loaded.</h2>
      <p class="ink2">dotm does not answer, or is another version by now.</p>
      <button type="button" onClick={() => location.reload()}>
        Load the page anew
      </button>
    </div>
  );
}
