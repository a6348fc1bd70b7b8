import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { Unloaded, lazy } from '../parts/Lazy';
import { Page } from './Page';

const LoginView = lazy(() => import('./Login').then((m) => m.LoginView));

/** The page, or the login in front of it; what the address bar names is still there afterwards. */
export function Door() {
  const { session, feed, version, client } = useApp();
  const outside = session.door.value === 'out' || session.secret.value !== '';
  useEffect(() => {
    if (outside) {
      feed.clear();
      return;
    }
    client.version().then(
      (v) => (version.value = v),
      () => undefined, // The pages then simply don't know; the feed reports the outage.
    );
  }, [outside]);
  return outside ? (
    <>
      <Unloaded />
      <LoginView />
    </>
  ) : (
    <Page />
  );
}
