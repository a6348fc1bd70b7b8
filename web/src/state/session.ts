import { type ReadonlySignal, computed, signal } from '@preact/signals';
import type { Client } from '../api/client';
import type { How, Role, Session as Answer } from '../api/types';

/** `asking` until the server said who this is: what needs no login is not kept waiting for it. */
export type Door = 'asking' | 'in' | 'out';

const SETUP = /^#setup=([^&]+)/;

/** The secret of a login link, `#setup=SECRET`; '' if this is none. */
export function setupSecret(hash: string): string {
  return SETUP.exec(hash)?.[1] ?? '';
}

/** Whose link it is, as it says itself: `#setup=SECRET&user=NAME`. */
export function setupUser(hash: string): string {
  return new URLSearchParams(hash.slice(1)).get('user') || 'admin';
}

/** Why the provider’s login led back to this one: `#refused=role`; '' if it didn’t. */
export function refusedLogin(hash: string): string {
  return /^#refused=(\w+)$/.exec(hash)?.[1] ?? '';
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
  /** Whose password that link sets. */
  readonly invited = signal('admin');
  /** The OpenID provider that one can log in by; '' without one. */
  readonly provider = signal('');
  /** Why that one’s login was refused. */
  readonly turnedAway = signal('');
  /** How they logged in; '' where no login is needed. */
  readonly how = signal<How | ''>('');
  /** They were in, and the session ended without their doing. */
  readonly ended = signal(false);
  /** Who may take care, arrange and map. Until the server said who this is, nobody is refused. */
  readonly mayChange: ReadonlySignal<boolean> = computed(() => this.role.value !== 'viewer');
  readonly mayAdmit: ReadonlySignal<boolean> = computed(() => this.role.value === 'admin' || this.door.value === 'asking');

  readonly #client: Pick<Client, 'session' | 'login' | 'setup' | 'logout' | 'changePassword'>;
  #checking = false;

  constructor(client: Pick<Client, 'session' | 'login' | 'setup' | 'logout' | 'changePassword'>) {
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

  async changePassword(before: string, password: string): Promise<void> {
    this.#take(await this.#client.changePassword(before, password));
  }

  async logout(): Promise<void> {
    this.#take(await this.#client.logout());
    this.ended.value = false;
  }

  #take({ user, role, needed, setup = false, how, provider = '' }: Answer): void {
    if (needed && this.door.value === 'in' && this.user.value !== '') this.ended.value = true;
    if (!needed) this.ended.value = false;
    this.user.value = user;
    this.role.value = role;
    this.first.value = setup;
    this.how.value = how ?? '';
    this.provider.value = provider;
    this.door.value = needed ? 'out' : 'in';
  }
}
