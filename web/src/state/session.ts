import { type ReadonlySignal, computed, signal } from '@preact/signals';
import type { Client } from '../api/client';
import type { Role, Session as Answer } from '../api/types';

/** `asking` until the server said who this is: what needs no login is not kept waiting for it. */
export type Door = 'asking' | 'in' | 'out';

const SETUP = /^#setup=(.+)$/;

/** The secret of a login link, `#setup=SECRET`; '' if this is none. */
export function setupSecret(hash: string): string {
  return SETUP.exec(hash)?.[1] ?? '';
}

/** Who is at the page, and whether they may come in. */
export class Session {
  readonly door = signal<Door>('asking');
  readonly user = signal('');
  readonly role = signal<Role>('');
  /** Nobody has a password yet. */
  readonly first = signal(false);
  /** The secret of the login link that led here; '' when none did. */
  readonly secret = signal('');
  /** They were in, and the session ended without their doing. */
  readonly ended = signal(false);
  /** Who may change something. Until the server said who this is, nobody is refused. */
  readonly mayChange: ReadonlySignal<boolean> = computed(() => this.role.value !== 'viewer');
  readonly mayAdmit: ReadonlySignal<boolean> = computed(() => this.role.value === 'admin' || this.door.value === 'asking');

  readonly #client: Pick<Client, 'session' | 'login' | 'setup' | 'logout'>;
  #checking = false;

  constructor(client: Pick<Client, 'session' | 'login' | 'setup' | 'logout'>) {
    this.#client = client;
  }

  /** Asks the server who this is. Its silence changes nothing: the feed tells of that. */
  async check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      this.#take(await this.#client.session());
    } catch {
      // A dotm without this question has no logins either.
    } finally {
      this.#checking = false;
    }
  }

  /** An answer said that one must log in. */
  refused(): void {
    if (this.door.value === 'out') return;
    this.ended.value = this.user.value !== '';
    this.door.value = 'out';
    void this.check();
  }

  async login(user: string, password: string): Promise<void> {
    this.#take(await this.#client.login(user, password));
  }

  async setup(password: string): Promise<void> {
    this.#take(await this.#client.setup(this.secret.value, password));
    this.secret.value = '';
  }

  async logout(): Promise<void> {
    this.#take(await this.#client.logout());
    this.ended.value = false;
  }

  #take({ user, role, needed, setup = false }: Answer): void {
    if (needed && this.door.value === 'in' && this.user.value !== '') this.ended.value = true;
    if (!needed) this.ended.value = false;
    this.user.value = user;
    this.role.value = role;
    this.first.value = setup;
    this.door.value = needed ? 'out' : 'in';
  }
}
